-- name: watched_lanes
select id from lane where watch is not null and watched_at <= ?1 order by watched_at;

-- name: unseen_lanes
select id from lane where id = ?1 and watched_at <= ?2;

-- name: lane_outcomes
select coalesce(sum(delivered), 0), coalesce(sum(delivered + dead + retried), 0)
from (
    select delivered, dead, retried from total where workspace = ?1 and channel = ?2 and campaign = 0
    union all
    select delivered, dead, retried from tally where workspace = ?1 and channel = ?2
) counted;

-- name: save_watches
update lane set rate = ?2, slot_at = ?3, watch = ?4, watched_at = ?5 where id = ?1;

-- name: insert_adjustments
insert into adjustment (workspace, channel, at, from_rate, to_rate, reason) values (?1, ?2, ?3, ?4, ?5, ?6);

-- name: adjustments_of
select at, from_rate, to_rate, reason from adjustment where workspace = ?1 and channel = ?2 order by at desc limit ?3;

-- name: prune_adjustments
delete from adjustment where rowid in (select rowid from adjustment where at < ?1 limit ?2) returning at;
