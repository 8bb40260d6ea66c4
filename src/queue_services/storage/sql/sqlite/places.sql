-- name: count_stretches
select ?1, ?2, ?3, ?4, ?5, ?6, ?7, count(*) from (
    select 1 from pending
    where lane = ?1 and priority = ?2 and (visible_at, id) >= (?3, ?4) and (visible_at, id) < (?5, ?6)
    limit ?7);

-- name: lane_ends
select ?1, visible_at, id from (
    select visible_at, id from pending where lane = ?1 and priority = ?2 and visible_at < 4611686018427387903 order by visible_at, id limit 1)
union all
select ?1, visible_at, id from (
    select visible_at, id from pending where lane = ?1 and priority = ?2 and visible_at < 4611686018427387903 order by visible_at desc, id desc limit 1);
