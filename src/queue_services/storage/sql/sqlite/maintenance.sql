-- name: prune_results
delete from result where id = ?1 and status <> 'scheduled' returning id, workspace, channel, campaign, status;

-- name: prune_attempts
delete from attempt where id = ?1;

-- name: prune_messages
delete from message where id = ?1 returning workspace, idempotency_key, id;

-- name: prune_idempotency
delete from idempotency where workspace = ?1 and key = ?2 and id = ?3;

-- name: count_pruned
insert into total (workspace, channel, campaign, pruned_delivered, pruned_dead, pruned_cancelled) values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict (workspace, channel, campaign) do update set pruned_delivered = total.pruned_delivered + excluded.pruned_delivered,
    pruned_dead = total.pruned_dead + excluded.pruned_dead, pruned_cancelled = total.pruned_cancelled + excluded.pruned_cancelled;

-- name: prune_exceedances
delete from exceedance where rowid in (select rowid from exceedance where at < ?1 limit ?2) returning at;

-- name: take_finished_tallies
delete from tally where (workspace, channel, campaign, minute, writer, since) in
    (select workspace, channel, campaign, minute, writer, since from tally where minute < ?1 order by minute limit ?2)
returning workspace, channel, campaign, minute, since, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, retried, batches, batch_time, lateness, starts, exceeded, first_at, last_at;

-- name: add_totals
insert into total (workspace, channel, campaign, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, retried, batches, batch_time, lateness, starts, exceeded, last_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
on conflict (workspace, channel, campaign) do update set
    accepted = total.accepted + excluded.accepted, revived_dead = total.revived_dead + excluded.revived_dead,
    revived_cancelled = total.revived_cancelled + excluded.revived_cancelled, delivered = total.delivered + excluded.delivered,
    dead = total.dead + excluded.dead, cancelled = total.cancelled + excluded.cancelled, retried = total.retried + excluded.retried,
    batches = total.batches + excluded.batches, batch_time = total.batch_time + excluded.batch_time, lateness = total.lateness + excluded.lateness,
    starts = total.starts + excluded.starts, exceeded = total.exceeded + excluded.exceeded,
    last_at = coalesce(max(total.last_at, excluded.last_at), total.last_at, excluded.last_at);

-- name: take_finished_histograms
delete from histogram where minute > 0 and minute < ?1
returning kind, channel, sum, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13;

-- name: end_standstills
-- Sessions of processes that stand still between the messages of one statement: no time-out of the server's sees those, and they keep their locks.
select ?1 where false;
