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

-- name: newest_exceedances
select workspace, channel, at, batch_size, message from exceedance
where workspace = ?1 and channel = ?2 and at > ?3 order by at desc limit ?4;
