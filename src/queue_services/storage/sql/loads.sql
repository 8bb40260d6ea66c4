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
