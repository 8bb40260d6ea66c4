-- name: add_tally
insert into tally (workspace, channel, campaign, minute, writer, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, retried, batches, batch_time, lateness, starts, first_at, last_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
on conflict (workspace, channel, campaign, minute, writer) do update set
    accepted = tally.accepted + excluded.accepted, revived_dead = tally.revived_dead + excluded.revived_dead, revived_cancelled = tally.revived_cancelled + excluded.revived_cancelled, delivered = tally.delivered + excluded.delivered, dead = tally.dead + excluded.dead, cancelled = tally.cancelled + excluded.cancelled, retried = tally.retried + excluded.retried, batches = tally.batches + excluded.batches, batch_time = tally.batch_time + excluded.batch_time, lateness = tally.lateness + excluded.lateness, starts = tally.starts + excluded.starts,
    first_at = coalesce(min(tally.first_at, excluded.first_at), tally.first_at, excluded.first_at),
    last_at = coalesce(max(tally.last_at, excluded.last_at), tally.last_at, excluded.last_at);
