-- name: insert_audit
insert into audit (at, actor, workspace, action, subject, detail) values ($1, $2, $3, $4, $5, $6) returning id;

-- name: finish_audit
update audit set outcome = $2 where id = $1;

-- name: list_audit
select id, at, actor, workspace, action, subject, detail, outcome from audit where id < $1 order by id desc limit $2;

-- name: list_audit_of
select id, at, actor, workspace, action, subject, detail, outcome from audit where workspace = $3 and id < $1 order by id desc limit $2;

-- name: prune_audit
delete from audit where id in (select id from audit where at < $1 order by id limit $2);

-- name: insert_operation
insert into operation (id, workspace, action, actor, request, matched, created_at) values ($1, $2, $3, $4, $5, $6, $7);

-- name: find_operation
select id, workspace, action, actor, request, matched, done, skipped, position, state, error, created_at, finished_at from operation where id = $1;

-- name: list_operations
select id, workspace, action, actor, request, matched, done, skipped, position, state, error, created_at, finished_at
from operation where $1::text = '' or workspace = $1 order by id desc limit $2;

-- name: take_operation
update operation set claimed_by = $1, claimed_until = $3, state = 'running'
where id = (select id from operation where finished_at is null and (claimed_until <= $2 or claimed_by = $1) order by id limit 1 for update skip locked)
returning id, workspace, action, actor, request, matched, done, skipped, position, state, error, created_at, finished_at;

-- name: advance_operation
update operation set done = done + $3, skipped = skipped + $4, position = $5, claimed_until = $6
where id = $1 and claimed_by = $2 and finished_at is null
returning id;

-- name: finish_operation
update operation set state = $2, error = $3, finished_at = $4 where id = $1 and finished_at is null returning id;

-- name: prune_operations
delete from operation where id in (select id from operation where finished_at < $1 order by id limit $2);

-- name: keep_secret
insert into dashboard_secret (one, secret) values (1, $1) on conflict (one) do nothing;

-- name: read_secret
select secret from dashboard_secret;
