-- name: progress_of
select at, id from progress where chore = $1 for update;

-- name: start_progress
insert into progress (chore, at, id) values ($1, 0, '00000000-0000-0000-0000-000000000000') on conflict do nothing;

-- name: save_progress
update progress set at = $2, id = $3 where chore = $1;

-- name: find_delivered
select id, finished_at, status from result where finished_at >= $1 and (finished_at > $1 or id > $2::uuid) and finished_at < $3 order by finished_at, id limit $4;
