-- name: count_claimed_of_campaign
select count(*) from pending indexed by pending_claimed where claimed_by is not null and visible_at > ?2 and campaign = ?1;

-- name: campaign_pending_span
select ?2, (select min(due_at) from pending where campaign = ?1 and epoch = ?2),
    (select max(due_at) from pending where campaign = ?1 and epoch = ?2);

-- name: shift_pending
update pending set epoch = ?2, claimed_by = null,
    due_at = max(due_at + ?3, min(due_at, ?4)),
    visible_at = case when visible_at >= 4611686018427387903 then max(due_at + ?3, min(due_at, ?4)) else max(visible_at + ?3, min(visible_at, ?4)) end
where id in (select id from pending where campaign = ?1 and epoch < ?2 and (claimed_by is null or visible_at <= ?4) limit ?5)
returning lane, priority, visible_at;
