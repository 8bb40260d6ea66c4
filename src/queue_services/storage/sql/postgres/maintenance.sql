-- name: prune_results
delete from result r using unnest($1::uuid[]) u(id) where r.id = u.id and r.status <> 'scheduled'
returning r.id, r.workspace, r.channel, r.campaign, r.status;

-- name: prune_attempts
delete from attempt a using unnest($1::uuid[]) u(id) where a.id = u.id;

-- name: prune_messages
delete from message m using unnest($1::uuid[]) u(id) where m.id = u.id returning m.workspace, m.idempotency_key, m.id;

-- name: prune_idempotency
delete from idempotency i using unnest($1::text[], $2::text[], $3::uuid[]) u(workspace, key, id)
where i.workspace = u.workspace and i.key = u.key and i.id = u.id;

-- name: count_pruned
insert into total (workspace, channel, campaign, pruned_delivered, pruned_dead, pruned_cancelled)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
on conflict (workspace, channel, campaign) do update set pruned_delivered = total.pruned_delivered + excluded.pruned_delivered,
    pruned_dead = total.pruned_dead + excluded.pruned_dead, pruned_cancelled = total.pruned_cancelled + excluded.pruned_cancelled;

-- name: prune_exceedances
delete from exceedance where ctid = any(array(select ctid from exceedance where at < $1 limit $2)) returning at;

-- name: take_finished_tallies
delete from tally where ctid = any(array(select ctid from tally where minute < $1 order by minute, workspace, channel, campaign limit $2 for update skip locked))
returning workspace, channel, campaign, minute, since, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, retried, batches, batch_time, lateness, starts, exceeded, first_at, last_at;

-- name: add_totals
insert into total (workspace, channel, campaign, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, retried, batches, batch_time, lateness, starts, exceeded, last_at)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[])
on conflict (workspace, channel, campaign) do update set
    accepted = total.accepted + excluded.accepted, revived_dead = total.revived_dead + excluded.revived_dead,
    revived_cancelled = total.revived_cancelled + excluded.revived_cancelled, delivered = total.delivered + excluded.delivered,
    dead = total.dead + excluded.dead, cancelled = total.cancelled + excluded.cancelled, retried = total.retried + excluded.retried,
    batches = total.batches + excluded.batches, batch_time = total.batch_time + excluded.batch_time, lateness = total.lateness + excluded.lateness,
    starts = total.starts + excluded.starts, exceeded = total.exceeded + excluded.exceeded,
    last_at = greatest(total.last_at, excluded.last_at);

-- name: take_finished_histograms
delete from histogram where ctid = any(array(select ctid from histogram where minute > 0 and minute < $1 for update skip locked))
returning kind, channel, sum, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13;

-- name: end_standstills
-- Sessions of processes that stand still between the messages of one statement: no time-out of the server's sees those, and they keep their locks.
with still as materialized (
    select pid from pg_stat_activity
    where usename = current_user and datname = current_database() and application_name = 'queue-services' and xact_start is not null
        and state = 'active' and wait_event = 'ClientRead' and extract(epoch from state_change) * 1000000 < $1::bigint and pid <> pg_backend_pid()
)
select pid from still where pg_terminate_backend(pid);
