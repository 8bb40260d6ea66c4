-- What is stored as an instant and lies ahead of a clock that was set back. $1 is the clock, or what no right clock is ahead of.

-- name: lanes_ahead
-- Lanes that may have an instant after $2: $3 is after it by as much as a day is long at least, so that it lies in the day after.
select l.id, l.workspace, l.channel, l.rate, l.log, l.slot_at, l.held_until, l.hold_reason, l.hold_step, l.refusals, l.hold_set_at,
    l.exceeded_at, l.throttled_at, l.watch, l.watched_at, l.terms, l.day_ends_at, l.day_count, l.next_due_at, l.next_high_at,
    (select min(visible_at) from pending where lane = l.id and priority = 0),
    (select min(visible_at) from pending where lane = l.id and priority = 1),
    (select min(visible_at) from pending where lane = l.id and priority = 2)
from lane l
where l.id > $1 and (
    l.slot_at > $2 or l.held_until > $2 or l.hold_set_at > $2 or l.exceeded_at > $2 or l.throttled_at > $2 or l.watched_at > $2
    or l.day_ends_at > $3
    or (l.next_due_at > $2 and (
        exists (select 1 from pending where lane = l.id and priority = 0 and visible_at <= $2)
        or exists (select 1 from pending where lane = l.id and priority = 1 and visible_at <= $2)
        or exists (select 1 from pending where lane = l.id and priority = 2 and visible_at <= $2)))
    or (l.next_high_at > $2 and exists (select 1 from pending where lane = l.id and priority = 0 and visible_at <= $2)))
order by l.id limit $4;

-- name: leases_ahead
-- Claims that end after $2, or of messages that are due after $1: they were due by another clock.
select id, claim from pending where claimed_by is not null and (visible_at > $2 or due_at > $1) and visible_at < 4611686018427387903;

-- name: retries_ahead
-- Messages that a dispatcher gave back or that wait for their next try: with when the last one before began, 0 where nothing went out.
select p.id, p.claim, p.attempts, p.visible_at, coalesce((select max(a.started_at) from attempt a where a.id = p.id), 0)
from pending p
where p.claimed_by is null and p.visible_at > $1 and p.visible_at <> p.due_at and p.visible_at < 4611686018427387903
    and (p.due_at <= $1 or exists (select 1 from message m where m.id = p.id and m.created_at > $1 and p.due_at <= m.created_at));

-- name: immediate_ahead
-- Messages that were to go at once when they were accepted, or retried by hand, and wait: $2 is the first id of after $1.
select p.id, p.claim from message m join pending p on p.id = m.id
where m.id >= $2::uuid and m.created_at > $1 and p.due_at <= m.created_at and p.visible_at = p.due_at and p.due_at > $1 and p.claimed_by is null
union all
select p.id, p.claim from result r join pending p on p.id = r.id
where r.finished_at > $1 and r.status = 'scheduled' and p.due_at <= r.finished_at and p.visible_at = p.due_at and p.due_at > $1
    and p.claimed_by is null;

-- name: events_ahead
select seq from event where created_at > $1 or visible_at > $2;

-- name: correct_events
update event set created_at = least(created_at, $1::bigint), visible_at = case when created_at > $1 or visible_at > $2 then $1 else visible_at end
where created_at > $1 or visible_at > $2;

-- name: routes_ahead
select workspace, held_until, hold_reason, hold_step, refusals, hold_set_at from event_route where held_until > $1 or hold_set_at > $1 order by workspace;

-- name: told_ahead
select workspace from event_told where at > $1;

-- name: correct_told
update event_told set at = $1 where at > $1;

-- name: dispatchers_ahead
select id from dispatcher where seen_at > $1 or started_at > $1;

-- name: correct_dispatchers
update dispatcher set seen_at = least(seen_at, $1::bigint), started_at = least(started_at, $1::bigint) where seen_at > $1 or started_at > $1;

-- name: operations_ahead
select id from operation where finished_at is null and claimed_until > $1;

-- name: correct_operations
update operation set claimed_until = $1 where finished_at is null and claimed_until > $1;

-- name: key_uses_ahead
select id from key_use where minute > $1;

-- name: correct_key_uses
update key_use set minute = $1 where minute > $1;

-- name: progress_ahead
select chore from progress where at > $1;

-- name: correct_progress
update progress set at = $1 where at > $1;
