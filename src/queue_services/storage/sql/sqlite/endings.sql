-- name: next_changes
update change_seq set value = value + ?1 returning value;

-- name: insert_results
insert into result (id, workspace, channel, campaign, status, reason, due_at, tries, attempts, outcome, started_at, duration, status_code, error, seq, finished_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
    case when ?14 is null or exists (select 1 from message where id = ?1 and blank = 'erased') then null else ?14 end, ?15, ?16)
on conflict (id) do update set status = excluded.status, reason = excluded.reason, due_at = excluded.due_at, finished_at = excluded.finished_at,
    tries = excluded.tries, attempts = excluded.attempts, outcome = excluded.outcome, started_at = excluded.started_at, duration = excluded.duration,
    status_code = excluded.status_code, error = excluded.error, seq = excluded.seq;
