-- name: open_route
insert into event_route (workspace, enabled) values ($1, $2)
on conflict (workspace) do update set enabled = excluded.enabled, held_until = 0, hold_reason = null, hold_step = 0, refusals = 0, hold_set_at = 0;

-- name: close_route
delete from event_route where workspace = $1;

-- name: reroute_events
update event set route = $2 where route = $1 and exists (select 1 from event_route r where r.workspace = $2 and r.enabled <> 0);

-- name: drop_events
delete from event where route = $1;
