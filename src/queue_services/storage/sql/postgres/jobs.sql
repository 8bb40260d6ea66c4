-- name: search_jobs.channel
m.channel = {};

-- name: search_jobs.claimed
p.id = any(array(select id from pending where claimed_by is not null and visible_at > {}));

-- name: search_pending.channel
m.channel = {};

-- name: search_pending.claimed
p.id = any(array(select id from pending where claimed_by is not null and visible_at > {}));

-- name: search_ended.channel
m.channel = {};

-- name: search_delivered
-- The messages are joined so that none is read before its result: those that wait may be many, and newer.
select m.id, m.workspace, m.channel, m.contact, c.name, m.priority, m.created_at, m.expires_at, m.idempotency_key, m.payload, m.units,
    p.lane, p.due_at, p.visible_at, p.claimed_by, p.tries, p.attempts, p.epoch,
    c.state, c.epoch, c.cancel_epoch, c.cancelled_at, c.shift,
    l.paused, s.paused, l.held_until, l.rate, l.slot_at, l.terms, l.day_ends_at, l.day_count,
    case when l.id is not null then (select min(o.ready_at) from lane o where o.channel = m.channel) < l.ready_at end,
    r.status, r.reason, r.due_at, r.finished_at, r.tries, r.attempts, r.error,
    (select a.error from attempt a where a.id = m.id order by a.number desc limit 1)
from result r
join lateral (select * from message where id = r.id offset 0) m on true
left join pending p on p.id = r.id
left join campaign c on c.id = m.campaign
left join lane l on l.id = p.lane
left join limit_state s on s.channel = m.channel
where true
{filters}
order by r.id desc limit {limit};

-- name: search_delivered.channel
m.channel = {};

-- name: revive_result
update result set status = 'scheduled', reason = null, due_at = $2, outcome = null, error = null, seq = $3, xid = pg_current_xact_id() where id = $1::uuid;

-- name: search_jobs.contact
lower(m.contact) collate "C" = lower({}::text) and m.contact = {};

-- name: search_jobs.recipient
m.recipient collate "C" = {};

-- name: search_pending.contact
lower(m.contact) collate "C" = lower({}::text) and m.contact = {};

-- name: search_pending.recipient
m.recipient collate "C" = {};

-- name: search_ended.contact
lower(m.contact) collate "C" = lower({}::text) and m.contact = {};

-- name: search_ended.recipient
m.recipient collate "C" = {};

-- name: search_jobs.metadata
(m.payload::jsonb -> 'metadata') #>> string_to_array(({}::jsonb) ->> 'path', '.') = ({}::jsonb) ->> 'value';

-- name: search_jobs.indexed
m.id in (select id from message_metadata where path = ({}::jsonb) ->> 'path' and value = ({}::jsonb) ->> 'value');

-- name: search_pending.metadata
(m.payload::jsonb -> 'metadata') #>> string_to_array(({}::jsonb) ->> 'path', '.') = ({}::jsonb) ->> 'value';

-- name: search_pending.indexed
p.id in (select id from message_metadata where path = ({}::jsonb) ->> 'path' and value = ({}::jsonb) ->> 'value');

-- name: search_ended.metadata
(m.payload::jsonb -> 'metadata') #>> string_to_array(({}::jsonb) ->> 'path', '.') = ({}::jsonb) ->> 'value';

-- name: search_ended.indexed
r.id in (select id from message_metadata where path = ({}::jsonb) ->> 'path' and value = ({}::jsonb) ->> 'value');
