-- name: search_jobs.channel
-- Beside a subject: the plus keeps it from going through all of the channel.
+m.channel = {};

-- name: search_jobs.claimed
p.id in (select id from pending indexed by pending_claimed where claimed_by is not null and visible_at > {});

-- name: search_pending.channel
+m.channel = {};

-- name: search_pending.claimed
p.id in (select id from pending indexed by pending_claimed where claimed_by is not null and visible_at > {});

-- name: search_ended.channel
+m.channel = {};

-- name: search_delivered
select m.id, m.workspace, m.channel, m.contact, c.name, m.priority, m.created_at, m.expires_at, m.idempotency_key, m.payload, m.units,
    p.lane, p.due_at, p.visible_at, p.claimed_by, p.tries, p.attempts, p.epoch,
    c.state, c.epoch, c.cancel_epoch, c.cancelled_at, c.shift,
    l.paused, s.paused, l.held_until, l.rate, l.slot_at, l.terms, l.day_ends_at, l.day_count,
    case when l.id is not null then (select min(o.ready_at) from lane o where o.channel = m.channel) < l.ready_at end,
    r.status, r.reason, r.due_at, r.finished_at, r.tries, r.attempts, r.error,
    (select a.error from attempt a where a.id = m.id order by a.number desc limit 1)
from result r
join message m on m.id = r.id
left join pending p on p.id = r.id
left join campaign c on c.id = m.campaign
left join lane l on l.id = p.lane
left join limit_state s on s.channel = m.channel
where true
{filters}
order by r.id desc limit {limit};

-- name: search_delivered.channel
+m.channel = {};

-- name: revive_result
update result set status = 'scheduled', reason = null, due_at = ?2, outcome = null, error = null, seq = ?3 where id = ?1;

-- name: search_jobs.contact
lower(m.contact) = lower({}) and m.contact = {};

-- name: search_jobs.recipient
m.recipient = {};

-- name: search_pending.contact
lower(m.contact) = lower({}) and m.contact = {};

-- name: search_pending.recipient
m.recipient = {};

-- name: search_ended.contact
lower(m.contact) = lower({}) and m.contact = {};

-- name: search_ended.recipient
m.recipient = {};

-- name: search_jobs.metadata
case json_type(m.payload, '$.metadata.' || json_extract({}, '$.path')) when 'true' then 'true' when 'false' then 'false'
    else cast(json_extract(m.payload, '$.metadata.' || json_extract({}, '$.path')) as text) end = json_extract({}, '$.value');

-- name: search_jobs.indexed
m.id in (select id from message_metadata where path = json_extract({}, '$.path') and value = json_extract({}, '$.value'));

-- name: search_pending.metadata
case json_type(m.payload, '$.metadata.' || json_extract({}, '$.path')) when 'true' then 'true' when 'false' then 'false'
    else cast(json_extract(m.payload, '$.metadata.' || json_extract({}, '$.path')) as text) end = json_extract({}, '$.value');

-- name: search_pending.indexed
p.id in (select id from message_metadata where path = json_extract({}, '$.path') and value = json_extract({}, '$.value'));

-- name: search_ended.metadata
case json_type(m.payload, '$.metadata.' || json_extract({}, '$.path')) when 'true' then 'true' when 'false' then 'false'
    else cast(json_extract(m.payload, '$.metadata.' || json_extract({}, '$.path')) as text) end = json_extract({}, '$.value');

-- name: search_ended.indexed
r.id in (select id from message_metadata where path = json_extract({}, '$.path') and value = json_extract({}, '$.value'));
