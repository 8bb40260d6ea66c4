-- name: count_claimed_of_campaign
select count(*) from pending indexed by pending_claimed where claimed_by is not null and visible_at > ?2 and campaign = ?1;

-- name: campaign_pending_span
select ?2, (select min(due_at) from pending where campaign = ?1 and epoch = ?2),
    (select max(due_at) from pending where campaign = ?1 and epoch = ?2);
