-- name: count_claimed_of_campaign
select count(*) from pending where claimed_by is not null and visible_at > $2 and campaign = $1;

-- name: campaign_pending_span
select u.epoch, (select min(due_at) from pending p where p.campaign = u.campaign and p.epoch = u.epoch),
    (select max(due_at) from pending p where p.campaign = u.campaign and p.epoch = u.epoch)
from unnest($1::bigint[], $2::integer[]) u(campaign, epoch);

-- name: shift_pending
update pending p set epoch = $2, claimed_by = null,
    due_at = greatest(due_at + $3, least(due_at, $4)),
    visible_at = case when visible_at >= 4611686018427387903 then greatest(due_at + $3, least(due_at, $4)) else greatest(visible_at + $3, least(visible_at, $4)) end
where p.id in (select id from pending where campaign = $1 and epoch < $2 and (claimed_by is null or visible_at <= $4) limit $5)
returning lane, priority, visible_at;
