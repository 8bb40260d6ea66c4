-- name: count_claimed_of_campaign
select count(*) from pending where claimed_by is not null and visible_at > $2 and campaign = $1;

-- name: campaign_pending_span
select u.epoch, (select min(due_at) from pending p where p.campaign = u.campaign and p.epoch = u.epoch),
    (select max(due_at) from pending p where p.campaign = u.campaign and p.epoch = u.epoch)
from unnest($1::bigint[], $2::integer[]) u(campaign, epoch);
