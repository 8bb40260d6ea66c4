-- name: open_route
insert into event_route (workspace, enabled) values ($1, $2)
on conflict (workspace) do update set enabled = excluded.enabled, held_until = 0, hold_reason = null, hold_step = 0, refusals = 0, hold_set_at = 0;

-- name: close_route
delete from event_route where workspace = $1;

-- name: reroute_events
update event set route = $2 where route = $1 and exists (select 1 from event_route r where r.workspace = $2 and r.enabled <> 0);

-- name: drop_events
delete from event where route = $1;

-- name: due_routes
-- Steps from one route that has events to the next, so that neither routes without any nor the events themselves are read.
with recursive waiting (route) as (
    select min(route) from event
    union all
    select (select min(e.route) from event e where e.route > w.route) from waiting w where w.route is not null
)
select r.workspace, r.held_until, r.hold_reason, r.hold_step, r.refusals, r.hold_set_at
from waiting w join event_route r on r.workspace = w.route
where r.enabled <> 0 and r.held_until <= $1 and not r.workspace = any($2::text[])
    and exists (select 1 from event e where e.route = w.route and e.visible_at <= $1)
order by (select min(e.visible_at) from event e where e.route = w.route)
limit $3;

-- name: lock_due_routes
with recursive waiting (route) as (
    select min(route) from event
    union all
    select (select min(e.route) from event e where e.route > w.route) from waiting w where w.route is not null
)
select r.workspace, r.held_until, r.hold_reason, r.hold_step, r.refusals, r.hold_set_at
from waiting w join event_route r on r.workspace = w.route
where r.enabled <> 0 and r.held_until <= $1 and not r.workspace = any($2::text[])
    and exists (select 1 from event e where e.route = w.route and e.visible_at <= $1)
order by (select min(e.visible_at) from event e where e.route = w.route)
limit $3
for no key update of r skip locked;

-- name: lock_routes
select workspace, held_until, hold_reason, hold_step, refusals, hold_set_at
from event_route where workspace = any($1::text[]) order by workspace for no key update;
