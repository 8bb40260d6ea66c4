-- name: unseen_lanes
select id from lane l join unnest($1::bigint[], $2::bigint[]) u(wanted, seen_before) on l.id = u.wanted where l.watched_at <= u.seen_before;

-- name: save_watches
update lane l set rate = u.rate, slot_at = u.slot_at, watch = u.watch, watched_at = u.watched_at
from unnest($1::bigint[], $2::double precision[], $3::bigint[], $4::text[], $5::bigint[]) u(id, rate, slot_at, watch, watched_at)
where l.id = u.id;

-- name: insert_adjustments
insert into adjustment (workspace, channel, at, from_rate, to_rate, reason)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::double precision[], $5::double precision[], $6::text[]);

-- name: prune_adjustments
delete from adjustment where ctid = any(array(select ctid from adjustment where at < $1 limit $2)) returning at;

-- name: add_limit_changes
insert into limit_change (workspace, channel, at, from_rate, to_rate)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::double precision[], $5::double precision[]);

-- name: prune_limit_changes
delete from limit_change where ctid = any(array(select ctid from limit_change where at < $1 limit $2)) returning at;
