-- name: add_tally
insert into tally (workspace, channel, campaign, minute, writer, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, retried, batches, batch_time, lateness, starts, exceeded, first_at, last_at, since)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, coalesce((select max(at) from baseline where workspace in ('', ?1) and channel = ?2), 0))
on conflict (workspace, channel, campaign, minute, writer, since) do update set
    accepted = tally.accepted + excluded.accepted, revived_dead = tally.revived_dead + excluded.revived_dead,
    revived_cancelled = tally.revived_cancelled + excluded.revived_cancelled, delivered = tally.delivered + excluded.delivered,
    dead = tally.dead + excluded.dead, cancelled = tally.cancelled + excluded.cancelled, retried = tally.retried + excluded.retried,
    batches = tally.batches + excluded.batches, batch_time = tally.batch_time + excluded.batch_time, lateness = tally.lateness + excluded.lateness,
    starts = tally.starts + excluded.starts, exceeded = tally.exceeded + excluded.exceeded,
    first_at = coalesce(min(tally.first_at, excluded.first_at), tally.first_at, excluded.first_at),
    last_at = coalesce(max(tally.last_at, excluded.last_at), tally.last_at, excluded.last_at);

-- name: add_histograms
insert into histogram (kind, channel, minute, writer, sum, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
on conflict (kind, channel, minute, writer) do update set
    sum = histogram.sum + excluded.sum, c0 = histogram.c0 + excluded.c0, c1 = histogram.c1 + excluded.c1, c2 = histogram.c2 + excluded.c2,
    c3 = histogram.c3 + excluded.c3, c4 = histogram.c4 + excluded.c4, c5 = histogram.c5 + excluded.c5, c6 = histogram.c6 + excluded.c6,
    c7 = histogram.c7 + excluded.c7, c8 = histogram.c8 + excluded.c8, c9 = histogram.c9 + excluded.c9, c10 = histogram.c10 + excluded.c10,
    c11 = histogram.c11 + excluded.c11, c12 = histogram.c12 + excluded.c12, c13 = histogram.c13 + excluded.c13;
