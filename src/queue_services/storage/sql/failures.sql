-- name: failure_groups
select error_group, min(status_code), max(fault), count(*), max(failed_at), max(id::text)
from failure where true
{filters}
group by error_group order by count(*) desc, error_group limit {limit};

-- name: failure_groups.workspace
workspace = {};

-- name: failure_groups.channel
channel = {};

-- name: failure_groups.campaign
campaign in (select id from campaign where name = {});

-- name: failure_groups.begin
failed_at >= {};

-- name: failure_groups.end
failed_at < {};

-- name: delete_failure
delete from failure where id = $1;

-- name: answer_of
select number, body, cut from answer where id = $1;
