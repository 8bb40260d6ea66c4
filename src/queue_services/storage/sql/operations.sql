-- name: insert_audit
insert into audit (at, actor, workspace, action, subject, detail, via) values ($1, $2, $3, $4, $5, $6, $7) returning id;

-- name: finish_audit
update audit set outcome = $2, workspace = coalesce($3, workspace), old_value = $4, new_value = $5, contact = $6 where id = $1;

-- name: forget_audit
update audit set subject = '', detail = null, old_value = null, new_value = null, contact = null
where contact = $2 and workspace = $1;

-- name: search_audit
select id, at, actor, workspace, action, subject, detail, outcome, via, old_value, new_value from audit where true
{filters}
order by id desc limit {limit};

-- name: search_audit.workspace
workspace = {};

-- name: search_audit.actor
actor = {};

-- name: search_audit.action
action = {};

-- name: search_audit.begin
at >= {};

-- name: search_audit.end
at < {};

-- name: search_audit.before
id < {};

-- name: prune_audit
delete from audit where id in (select id from audit where at < $1 order by id limit $2);

-- name: insert_operation
insert into operation (id, workspace, action, actor, request, matched, created_at) values ($1, $2, $3, $4, $5, $6, $7);

-- name: find_operation
select id, workspace, action, actor, request, matched, done, skipped, position, state, error, created_at, finished_at from operation where id = $1;

-- name: list_operations
select id, workspace, action, actor, request, matched, done, skipped, position, state, error, created_at, finished_at
from operation where ($1::text = '' or workspace = $1) and id < $3 order by id desc limit $2;

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

-- name: operation_requests
select id, request from operation where workspace = $1 or workspace is null order by id for update;

-- name: change_request
update operation set request = $2 where id = $1;
