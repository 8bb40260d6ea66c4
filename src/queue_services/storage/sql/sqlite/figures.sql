-- name: add_figures
insert into figure (workspace, channel, since, delivered, dead, exceeded, batches, batch_time)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
on conflict (workspace, channel) do update set
    delivered = case when excluded.since = figure.since then figure.delivered else 0 end + excluded.delivered,
    dead = case when excluded.since = figure.since then figure.dead else 0 end + excluded.dead,
    exceeded = case when excluded.since = figure.since then figure.exceeded else 0 end + excluded.exceeded,
    batches = case when excluded.since = figure.since then figure.batches else 0 end + excluded.batches,
    batch_time = case when excluded.since = figure.since then figure.batch_time else 0 end + excluded.batch_time,
    minute = case when excluded.since = figure.since then figure.minute else 0 end,
    ended = case when excluded.since = figure.since then figure.ended else 0 end,
    first_at = case when excluded.since = figure.since then figure.first_at end,
    last_at = case when excluded.since = figure.since then figure.last_at end,
    since = excluded.since
where excluded.since >= figure.since;

-- name: add_newest_minutes
update figure set ended = case when minute = ?4 then ended else 0 end + ?5,
    first_at = case when minute = ?4 then min(first_at, ?6) else ?6 end,
    last_at = case when minute = ?4 then max(last_at, ?7) else ?7 end,
    minute = ?4
where workspace = ?1 and channel = ?2 and since = ?3 and minute <= ?4;

-- name: reset_baseline
-- Later than every reset that it overrules, whatever the clock of its process says.
insert into baseline (workspace, channel, at)
select ?1, ?2, max(?3, coalesce((select max(at) + 1 from baseline where channel = ?2 and (?1 = '' or workspace in ('', ?1))), 0)) where true
on conflict (workspace, channel) do update set at = excluded.at;

-- name: baselines
select channel, max(at) from baseline where workspace in ('', ?1) group by channel;

-- name: folded_figures
select channel, since, delivered, dead, exceeded, batches, batch_time, minute, ended, first_at, last_at from figure where workspace = ?1;

-- name: tallied_figures
select channel, since, sum(delivered), sum(dead), sum(exceeded), sum(batches), sum(batch_time), minute, sum(delivered + dead), min(first_at), max(last_at)
from tally group by channel, since, minute;

-- name: tallied_figures_of
select channel, since, sum(delivered), sum(dead), sum(exceeded), sum(batches), sum(batch_time), minute, sum(delivered + dead), min(first_at), max(last_at)
from tally where workspace = ?1 group by channel, since, minute;

-- name: worst_workspaces
-- Those with the most exceedances of each channel, and of both together.
with part as (
    select workspace, channel, since, exceeded from figure where exceeded > 0 and workspace <> ''
    union all
    select workspace, channel, since, exceeded from tally where exceeded > 0
), counted as (
    select workspace, channel, sum(exceeded) as times from part
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
where r.place <= ?1 or r.rank <= ?1
order by r.place;

-- name: newest_exceedances
select workspace, channel, at, batch_size, message from exceedance
where workspace = ?1 and channel = ?2 and at > ?3 order by at desc limit ?4;

-- name: lane_use
select channel, log, exceeded_at from lane where workspace = ?1;
