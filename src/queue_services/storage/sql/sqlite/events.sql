-- name: insert_events
-- An event goes its workspace's own way where there is one, else the service's; where that is off, nowhere.
insert into event (id, route, workspace, channel, type, job, payload, created_at, visible_at)
select ?1, r.workspace, ?2, ?3, ?4, ?5, ?6, ?7, ?7
from event_route r
where r.enabled <> 0 and r.workspace = coalesce((select o.workspace from event_route o where o.workspace = ?2), '');

-- name: told_workspaces
select ?1
from event_route r
where r.enabled <> 0 and r.workspace = coalesce((select o.workspace from event_route o where o.workspace = ?1), '');

-- name: event_subjects
select m.id, m.contact, c.name from message m left join campaign c on c.id = m.campaign where m.id = ?1;

-- name: note_told
insert into event_told (workspace, subject, at) values (?1, ?2, ?3)
on conflict (workspace, subject) do update set at = excluded.at where event_told.at <= ?4
returning workspace, subject;

-- name: claim_events
update event set claimed_by = ?5, claim = claim + 1, visible_at = ?4
where seq in (
    select e.seq from event e
    where e.route = ?1 and e.visible_at <= ?3 and (e.job is null or not exists (select 1 from event o where o.job = e.job and o.seq < e.seq))
    order by e.visible_at, e.seq limit ?2)
returning seq, id, route, workspace, channel, type, job, payload, created_at, claim, tries;

-- name: delete_events
delete from event where seq = ?1 and claim = ?2 and claimed_by = ?3;

-- name: retry_events
update event set visible_at = ?3, tries = tries + 1, claimed_by = null where seq = ?1 and claim = ?2 and claimed_by = ?4;

-- name: save_routes
update event_route set held_until = ?2, hold_reason = ?3, hold_step = ?4, refusals = ?5, hold_set_at = ?6 where workspace = ?1;

-- name: prune_events
delete from event where seq in (select seq from event where created_at < ?1 order by created_at limit ?2)
returning seq;

-- name: prune_told
delete from event_told where (workspace, subject) in (select workspace, subject from event_told where at < ?1 limit ?2) returning at;
