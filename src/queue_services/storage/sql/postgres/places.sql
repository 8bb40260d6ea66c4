-- name: count_stretches
select u.lane, u.priority, u.begin_at, u.begin_id, u.end_at, u.end_id, u.most, counted.count
from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::uuid[], $5::bigint[], $6::uuid[], $7::integer[])
    u(lane, priority, begin_at, begin_id, end_at, end_id, most)
cross join lateral (
    select count(*) as count from (
        select 1 from pending p
        where p.lane = u.lane and p.priority = u.priority and (p.visible_at, p.id) >= (u.begin_at, u.begin_id) and (p.visible_at, p.id) < (u.end_at, u.end_id)
        limit u.most
    ) stretch
) counted;

-- name: lane_ends
select u.lane, ends.visible_at, ends.id
from unnest($1::bigint[], $2::smallint[]) u(lane, priority)
cross join lateral (
    (select p.visible_at, p.id from pending p
    where p.lane = u.lane and p.priority = u.priority and p.visible_at < 4611686018427387903 order by p.visible_at, p.id limit 1)
    union all
    (select p.visible_at, p.id from pending p
    where p.lane = u.lane and p.priority = u.priority and p.visible_at < 4611686018427387903 order by p.visible_at desc, p.id desc limit 1)
) ends;
