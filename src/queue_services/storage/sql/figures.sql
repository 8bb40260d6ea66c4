-- name: reset_baseline
-- Later than every reset that it overrules, whatever the clock of its process says.
-- Without `where true` SQLite would read `on conflict` as the condition of a join.
insert into baseline (workspace, channel, at)
select $1, $2, greatest($3, coalesce((select max(at) + 1 from baseline where channel = $2 and ($1 = '' or workspace in ('', $1))), 0)) where true
on conflict (workspace, channel) do update set at = excluded.at;

-- name: baselines
select channel, max(at) from baseline where workspace in ('', $1) group by channel;

-- name: folded_figures
select channel, since, delivered, dead, exceeded, batches, batch_time, minute, ended, first_at, last_at from figure where workspace = $1;

-- name: tallied_figures
select channel, since, sum(delivered)::bigint, sum(dead)::bigint, sum(exceeded)::bigint, sum(batches)::bigint, sum(batch_time)::bigint, minute, sum(delivered + dead)::bigint, min(first_at), max(last_at)
from tally group by channel, since, minute;

-- name: tallied_figures_of
select channel, since, sum(delivered)::bigint, sum(dead)::bigint, sum(exceeded)::bigint, sum(batches)::bigint, sum(batch_time)::bigint, minute, sum(delivered + dead)::bigint, min(first_at), max(last_at)
from tally where workspace = $1 group by channel, since, minute;

-- name: worst_workspaces
-- Those with the most exceedances of each channel, and of both together.
with part as (
    select workspace, channel, since, exceeded from figure where exceeded > 0 and workspace <> ''
    union all
    select workspace, channel, since, exceeded from tally where exceeded > 0
), counted as (
    select workspace, channel, sum(exceeded)::bigint as times from part
    where since >= coalesce((select max(b.at) from baseline b where b.workspace in ('', part.workspace) and b.channel = part.channel), 0)
    group by workspace, channel
), placed as (
    select workspace, channel, times, row_number() over (partition by channel order by times desc, workspace) as place,
        sum(times) over (partition by workspace) as whole
    from counted
), ranked as (
    select workspace, channel, times, place, dense_rank() over (order by whole desc, workspace) as rank from placed
)
select r.workspace, r.channel, r.times, r.place, r.rank, coalesce(l.exceeded_at, 0),
    coalesce((select max(b.at) from baseline b where b.workspace in ('', r.workspace) and b.channel = r.channel), 0)
from ranked r left join lane l on l.workspace = r.workspace and l.channel = r.channel
where r.place <= $1 or r.rank <= $1
order by r.place;

-- name: lane_use
select channel, log, exceeded_at from lane where workspace = $1;
