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
