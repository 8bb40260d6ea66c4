-- name: add_figures
insert into figure (workspace, channel, since, delivered, dead, exceeded, batches, batch_time)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
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
update figure f set ended = case when f.minute = u.minute then f.ended else 0 end + u.ended,
    first_at = case when f.minute = u.minute then least(f.first_at, u.first_at) else u.first_at end,
    last_at = case when f.minute = u.minute then greatest(f.last_at, u.last_at) else u.last_at end,
    minute = u.minute
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    u(workspace, channel, since, minute, ended, first_at, last_at)
where f.workspace = u.workspace and f.channel = u.channel and f.since = u.since and f.minute <= u.minute;

-- name: newest_exceedances
select e.workspace, e.channel, e.at, e.batch_size, e.message
from unnest($1::text[], $2::text[], $3::bigint[], $4::integer[]) u(workspace, channel, after, most)
cross join lateral (
    select * from exceedance x where x.workspace = u.workspace and x.channel = u.channel and x.at > u.after order by x.at desc limit u.most
) e;
