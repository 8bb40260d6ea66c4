-- name: read_channel
select paused from limit_state where channel = ?1;

-- name: lane_loads
-- What each lane has waiting, from tallies: as many rows as lanes, whatever waits in them.
with counted as (
    select workspace, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as waiting
    from total where campaign = 0 and workspace <> '' and channel = ?1 and (?2 is null or workspace in (select value from json_each(?2)))
    union all
    select workspace, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled from tally
    where channel = ?1 and (?2 is null or workspace in (select value from json_each(?2)))
)
select l.id, l.workspace, l.rate, l.weight, l.terms, l.held_until, l.paused, coalesce(c.waiting, 0), l.day_ends_at, l.day_count
from lane l left join (select workspace, sum(waiting) as waiting from counted group by workspace) c on c.workspace = l.workspace
where l.channel = ?1 and (l.workspace in (select value from json_each(?2)) or (?2 is null and c.waiting > 0))
order by 8 desc, 1;

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
