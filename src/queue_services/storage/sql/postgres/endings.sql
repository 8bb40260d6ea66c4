-- name: next_changes
select nextval('change_seq') from generate_series(1, $1::integer);

-- name: insert_results
insert into result (id, workspace, channel, campaign, status, reason, due_at, tries, attempts, outcome, started_at, duration, status_code, error, seq, finished_at)
select id, workspace, channel, campaign, status, reason, due_at, tries, attempts, outcome, started_at, duration, status_code,
    case when error is null or exists (select 1 from message m where m.id = u.id and m.blank = 'erased') then null else error end, seq, $16::bigint
from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::integer[], $9::integer[],
    $10::text[], $11::bigint[], $12::bigint[], $13::integer[], $14::text[], $15::bigint[])
    u(id, workspace, channel, campaign, status, reason, due_at, tries, attempts, outcome, started_at, duration, status_code, error, seq)
on conflict (id) do update set status = excluded.status, reason = excluded.reason, due_at = excluded.due_at, finished_at = excluded.finished_at,
    tries = excluded.tries, attempts = excluded.attempts, outcome = excluded.outcome, started_at = excluded.started_at, duration = excluded.duration,
    status_code = excluded.status_code, error = excluded.error, seq = excluded.seq, xid = pg_current_xact_id();
