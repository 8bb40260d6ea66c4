-- name: service_limit_changes
select channel, to_rate from limit_change where workspace = '' order by at;

-- name: watched_lanes
select id from lane where watch is not null and watched_at <= $1 order by watched_at;

-- name: lane_outcomes
select coalesce(sum(delivered), 0)::bigint, coalesce(sum(delivered + dead + retried), 0)::bigint
from (
    select delivered, dead, retried from total where workspace = $1 and channel = $2 and campaign = 0
    union all
    select delivered, dead, retried from tally where workspace = $1 and channel = $2
) counted;

-- name: adjustments_of
select at, from_rate, to_rate, reason from adjustment where workspace = $1 and channel = $2 order by at desc limit $3;
