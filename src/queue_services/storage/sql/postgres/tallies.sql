-- name: add_tally
insert into tally (workspace, channel, campaign, minute, writer, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, retried, batches, batch_time, lateness, starts, exceeded, first_at, last_at, since)
select u.*, coalesce((select max(b.at) from baseline b where b.workspace in ('', u.workspace) and b.channel = u.channel), 0)
from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[])
    u(workspace, channel, campaign, minute, writer, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, retried, batches, batch_time, lateness, starts, exceeded, first_at, last_at)
on conflict (workspace, channel, campaign, minute, writer, since) do update set
    accepted = tally.accepted + excluded.accepted, revived_dead = tally.revived_dead + excluded.revived_dead,
    revived_cancelled = tally.revived_cancelled + excluded.revived_cancelled, delivered = tally.delivered + excluded.delivered,
    dead = tally.dead + excluded.dead, cancelled = tally.cancelled + excluded.cancelled, retried = tally.retried + excluded.retried,
    batches = tally.batches + excluded.batches, batch_time = tally.batch_time + excluded.batch_time, lateness = tally.lateness + excluded.lateness,
    starts = tally.starts + excluded.starts, exceeded = tally.exceeded + excluded.exceeded,
    first_at = least(tally.first_at, excluded.first_at), last_at = greatest(tally.last_at, excluded.last_at);

-- name: add_histograms
insert into histogram (kind, channel, minute, writer, sum, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[])
on conflict (kind, channel, minute, writer) do update set
    sum = histogram.sum + excluded.sum, c0 = histogram.c0 + excluded.c0, c1 = histogram.c1 + excluded.c1, c2 = histogram.c2 + excluded.c2,
    c3 = histogram.c3 + excluded.c3, c4 = histogram.c4 + excluded.c4, c5 = histogram.c5 + excluded.c5, c6 = histogram.c6 + excluded.c6,
    c7 = histogram.c7 + excluded.c7, c8 = histogram.c8 + excluded.c8, c9 = histogram.c9 + excluded.c9, c10 = histogram.c10 + excluded.c10,
    c11 = histogram.c11 + excluded.c11, c12 = histogram.c12 + excluded.c12, c13 = histogram.c13 + excluded.c13;
