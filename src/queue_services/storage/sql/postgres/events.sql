-- name: insert_events
-- An event goes its workspace's own way where there is one, else the service's; where that is off, nowhere.
insert into event (id, route, workspace, channel, type, job, payload, created_at, visible_at)
select u.id, r.workspace, u.workspace, u.channel, u.type, u.job, u.payload, u.created_at, u.created_at
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::bigint[]) with ordinality
    u(id, workspace, channel, type, job, payload, created_at, number)
join event_route r on r.workspace = coalesce((select o.workspace from event_route o where o.workspace = u.workspace), '')
where r.enabled <> 0
order by u.number;

-- name: told_workspaces
select u.workspace
from unnest($1::text[]) u(workspace)
join event_route r on r.workspace = coalesce((select o.workspace from event_route o where o.workspace = u.workspace), '')
where r.enabled <> 0;

-- name: event_subjects
select m.id, m.contact, c.name from unnest($1::uuid[]) u(id) join message m on m.id = u.id left join campaign c on c.id = m.campaign;

-- name: note_told
insert into event_told (workspace, subject, at)
select u.workspace, u.subject, $3::bigint from unnest($1::text[], $2::text[]) u(workspace, subject) order by u.workspace, u.subject
on conflict (workspace, subject) do update set at = excluded.at where event_told.at <= $4::bigint
returning workspace, subject;

-- name: claim_events
update event set claimed_by = $5, claim = claim + 1, visible_at = $4
where seq = any(array(
    select e.seq from event e
    where e.route = $1 and e.visible_at <= $3 and (e.job is null or not exists (select 1 from event o where o.job = e.job and o.seq < e.seq))
    order by e.visible_at, e.seq limit $2 for update skip locked))
returning seq, id, route, workspace, channel, type, job, payload, created_at, claim, tries;

-- name: delete_events
delete from event using unnest($1::bigint[], $2::integer[]) u(seq, claim)
where event.seq = u.seq and event.claim = u.claim and event.claimed_by = $3;

-- name: retry_events
update event set visible_at = u.visible_at, tries = tries + 1, claimed_by = null
from unnest($1::bigint[], $2::integer[], $3::bigint[]) u(seq, claim, visible_at)
where event.seq = u.seq and event.claim = u.claim and event.claimed_by = $4;

-- name: save_routes
update event_route set held_until = u.held_until, hold_reason = u.hold_reason, hold_step = u.hold_step, refusals = u.refusals, hold_set_at = u.hold_set_at
from unnest($1::text[], $2::bigint[], $3::text[], $4::integer[], $5::integer[], $6::bigint[])
    u(workspace, held_until, hold_reason, hold_step, refusals, hold_set_at)
where event_route.workspace = u.workspace;

-- name: prune_events
delete from event where ctid = any(array(select ctid from event where created_at < $1 order by created_at limit $2))
returning seq;

-- name: prune_told
delete from event_told where ctid = any(array(select ctid from event_told where at < $1 limit $2)) returning at;
