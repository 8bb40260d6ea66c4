-- name: find_expired
select id from pending where expires_at <= $1 and (claimed_by is null or visible_at <= $1) order by expires_at limit $2;

-- name: find_finished
select id from result where finished_at < $1 and status <> 'scheduled' order by finished_at limit $2;

-- name: register_dispatcher
insert into dispatcher (name, started_at, seen_at) values ($1, $2, $2) returning id;

-- name: see_dispatcher
update dispatcher set seen_at = $2, claimed = $3, lag = $4 where id = $1;

-- name: forget_dispatcher
delete from dispatcher where id = $1;

-- name: forget_dispatchers
delete from dispatcher where seen_at < $1;
