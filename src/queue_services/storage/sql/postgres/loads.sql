-- name: read_channel
select paused from limit_state where channel = $1;

-- name: lane_loads
-- What each lane has waiting, from tallies: as many rows as lanes, whatever waits in them.
with counted as (
    select workspace, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as waiting
    from total where campaign = 0 and workspace <> '' and channel = $1 and ($2::text[] is null or workspace = any($2))
    union all
    select workspace, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled from tally
    where channel = $1 and ($2::text[] is null or workspace = any($2))
)
select l.id, l.workspace, l.rate, l.weight, l.terms, l.held_until, l.paused, coalesce(c.waiting, 0)::bigint, l.day_ends_at, l.day_count
from lane l left join (select workspace, sum(waiting) as waiting from counted group by workspace) c on c.workspace = l.workspace
where l.channel = $1 and (l.workspace = any($2) or ($2::text[] is null and c.waiting > 0))
order by 8 desc, 1;

-- name: lane_waves
select p.lane, max(p.visible_at), count(*)
from lane l join pending p on p.lane = l.id
where l.channel = $1 and ($3::text[] is null or l.workspace = any($3)) and p.visible_at < 4611686018427387903
    and not exists (select 1 from pending c where c.id = p.id and c.claimed_by is not null and c.visible_at > $2)
group by p.lane, greatest(p.visible_at, $2) / 1000000;

-- name: lane_spans
select u.lane, u.span, counted.count, counted.at
from unnest($1::bigint[], $2::integer[], $3::smallint[], $4::bigint[], $5::bigint[], $6::integer[]) u(lane, span, priority, after, until, most)
cross join lateral (
    select count(*) as count, avg(visible_at)::bigint as at from (
        select p.visible_at from pending p
        where p.lane = u.lane and p.priority = u.priority and p.visible_at > u.after and p.visible_at <= u.until
        order by p.visible_at limit u.most
    ) first
) counted
where counted.count > 0;

-- name: lane_units
select u.lane, m.units
from unnest($1::bigint[], $2::integer[]) u(lane, most)
cross join lateral (select p.id from pending p where p.lane = u.lane order by p.priority, p.visible_at, p.id limit u.most) next
join message m on m.id = next.id;

-- name: recent_durations
select workspace, avg(duration)::bigint
from (select workspace, channel, duration from result where duration is not null order by xid desc, seq desc limit $2) newest
where channel = $1 group by workspace;
