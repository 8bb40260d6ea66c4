-- name: lane_waves
select p.lane, max(p.visible_at), count(*)
from lane l join pending p on p.lane = l.id
where l.channel = ?1 and (?3 is null or l.workspace in (select value from json_each(?3))) and p.visible_at < 4611686018427387903
    and p.id not in (select id from pending where claimed_by is not null and visible_at > ?2)
group by p.lane, max(p.visible_at, ?2) / 1000000;

-- name: lane_spans
select ?1, ?2, count(*), cast(avg(visible_at) as integer) from (
    select visible_at from pending
    where lane = ?1 and priority = ?3 and visible_at > ?4 and visible_at <= ?5
    order by visible_at limit ?6)
having count(*) > 0;

-- name: lane_units
select p.lane, m.units
from (select lane, id from pending where lane = ?1 order by priority, visible_at, id limit ?2) p join message m on m.id = p.id;

-- name: recent_durations
select workspace, cast(avg(duration) as integer)
from (select workspace, channel, duration from result where duration is not null order by seq desc limit ?2)
where channel = ?1 group by workspace;
