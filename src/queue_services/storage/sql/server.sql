-- name: find_server
select system, timeline, former from server;

-- name: save_server
insert into server (id, system, timeline, former) values (1, $1, $2, $3)
on conflict (id) do update set system = excluded.system, timeline = excluded.timeline, former = excluded.former;

-- name: raise_timeline
update server set timeline = $2 where system = $1 and timeline < $2;
