-- name: find_jobs
select m.id, m.workspace, m.channel, m.contact, c.name, m.priority, m.created_at, m.expires_at, m.idempotency_key, m.payload, m.units,
    p.lane, p.due_at, p.visible_at, p.claimed_by, p.tries, p.attempts, p.epoch,
    c.state, c.epoch, c.cancel_epoch, c.cancelled_at, c.shift,
    l.paused, s.paused, l.held_until, l.rate, l.slot_at, l.terms, l.day_ends_at, l.day_count,
    case when l.id is not null then (select min(o.ready_at) from lane o where o.channel = m.channel) < l.ready_at end,
    r.status, r.reason, r.due_at, r.finished_at, r.tries, r.attempts, r.error,
    (select a.error from attempt a where a.id = m.id order by a.number desc limit 1)
from message m
left join pending p on p.id = m.id
left join result r on r.id = m.id
left join campaign c on c.id = m.campaign
left join lane l on l.id = p.lane
left join limit_state s on s.channel = m.channel
where m.id = any($1::uuid[]);

-- name: search_jobs
select m.id, m.workspace, m.channel, m.contact, c.name, m.priority, m.created_at, m.expires_at, m.idempotency_key, m.payload, m.units,
    p.lane, p.due_at, p.visible_at, p.claimed_by, p.tries, p.attempts, p.epoch,
    c.state, c.epoch, c.cancel_epoch, c.cancelled_at, c.shift,
    l.paused, s.paused, l.held_until, l.rate, l.slot_at, l.terms, l.day_ends_at, l.day_count,
    case when l.id is not null then (select min(o.ready_at) from lane o where o.channel = m.channel) < l.ready_at end,
    r.status, r.reason, r.due_at, r.finished_at, r.tries, r.attempts, r.error,
    (select a.error from attempt a where a.id = m.id order by a.number desc limit 1)
from message m
left join pending p on p.id = m.id
left join result r on r.id = m.id
left join campaign c on c.id = m.campaign
left join lane l on l.id = p.lane
left join limit_state s on s.channel = m.channel
where true
{filters}
order by m.id desc limit {limit};

-- name: search_jobs.workspace
m.workspace = {};

-- name: search_jobs.channel_alone
m.channel = {};

-- name: search_jobs.scheduled
p.id is not null and (p.claimed_by is null or p.visible_at <= {}) and p.epoch >= coalesce(c.cancel_epoch, 0);

-- name: search_jobs.campaign
m.campaign in (select id from campaign where name = {});

-- name: search_jobs.ids
m.id = any({}::uuid[]);

-- name: search_jobs.beginning
(substr(m.recipient, 1, length({}::text)) = {} or substr(lower(m.contact), 1, length({}::text)) = {}
    or m.campaign in (select id from campaign where substr(lower(name), 1, length({}::text)) = {})
    or substr(m.id::text, 1, length({}::text)) = {});

-- name: search_jobs.error_group
m.id in (select id from failure where error_group = {});

-- name: search_jobs.from_id
m.id >= {}::uuid;

-- name: search_jobs.before_id
m.id < {}::uuid;

-- name: search_jobs.to_id
m.id < {}::uuid;

-- name: search_jobs.delivered
r.status = {};

-- name: search_pending
select m.id, m.workspace, m.channel, m.contact, c.name, m.priority, m.created_at, m.expires_at, m.idempotency_key, m.payload, m.units,
    p.lane, p.due_at, p.visible_at, p.claimed_by, p.tries, p.attempts, p.epoch,
    c.state, c.epoch, c.cancel_epoch, c.cancelled_at, c.shift,
    l.paused, s.paused, l.held_until, l.rate, l.slot_at, l.terms, l.day_ends_at, l.day_count,
    case when l.id is not null then (select min(o.ready_at) from lane o where o.channel = m.channel) < l.ready_at end,
    r.status, r.reason, r.due_at, r.finished_at, r.tries, r.attempts, r.error,
    (select a.error from attempt a where a.id = m.id order by a.number desc limit 1)
from pending p
join message m on m.id = p.id
left join result r on r.id = p.id
left join campaign c on c.id = m.campaign
left join lane l on l.id = p.lane
left join limit_state s on s.channel = m.channel
where true
{filters}
order by p.id desc limit {limit};

-- name: search_pending.workspace
m.workspace = {};

-- name: search_pending.campaign
m.campaign in (select id from campaign where name = {});

-- name: search_pending.ids
p.id = any({}::uuid[]);

-- name: search_pending.beginning
(substr(m.recipient, 1, length({}::text)) = {} or substr(lower(m.contact), 1, length({}::text)) = {}
    or m.campaign in (select id from campaign where substr(lower(name), 1, length({}::text)) = {})
    or substr(p.id::text, 1, length({}::text)) = {});

-- name: search_pending.error_group
p.id in (select id from failure where error_group = {});

-- name: search_pending.from_id
p.id >= {}::uuid;

-- name: search_pending.before_id
p.id < {}::uuid;

-- name: search_pending.to_id
p.id < {}::uuid;

-- name: search_pending.scheduled
(p.claimed_by is null or p.visible_at <= {}) and p.epoch >= coalesce(c.cancel_epoch, 0);

-- name: search_pending.of_campaigns
p.campaign = any({});

-- name: search_pending.doomed
p.epoch < c.cancel_epoch and (p.claimed_by is null or p.visible_at <= {});

-- name: search_ended
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

-- name: search_ended.workspace
m.workspace = {};

-- name: search_ended.campaign
m.campaign in (select id from campaign where name = {});

-- name: search_ended.ids
r.id = any({}::uuid[]);

-- name: search_ended.beginning
(substr(m.recipient, 1, length({}::text)) = {} or substr(lower(m.contact), 1, length({}::text)) = {}
    or m.campaign in (select id from campaign where substr(lower(name), 1, length({}::text)) = {})
    or substr(r.id::text, 1, length({}::text)) = {});

-- name: search_ended.error_group
r.id in (select id from failure where error_group = {});

-- name: search_ended.from_id
r.id >= {}::uuid;

-- name: search_ended.before_id
r.id < {}::uuid;

-- name: search_ended.to_id
r.id < {}::uuid;

-- name: search_ended.unsent
r.status in ('dead', 'cancelled') and r.status = {};

-- name: search_delivered.from_id
r.id >= {}::uuid;

-- name: search_delivered.before_id
r.id < {}::uuid;

-- name: search_delivered.to_id
r.id < {}::uuid;

-- name: search_delivered.delivered
r.status = {};

-- name: attempts_of
select number, outcome, started_at, duration, status_code, error from attempt where id = $1::uuid
union all
select attempts, outcome, started_at, duration, status_code, error from result where id = $1::uuid and outcome is not null
order by 1;

-- name: lock_result
select status, attempts, outcome, started_at, duration, status_code, error from result where id = $1::uuid for update;

-- name: revive_pending
insert into pending (id, lane, priority, campaign, epoch, due_at, visible_at, expires_at, attempts, claim)
-- Claim numbers begin with the second it happens in, so that none comes twice: a claim of before may still be held by somebody who lost its lease.
select m.id, l.id, m.priority, m.campaign, coalesce(c.epoch, 0), $2, $2, m.expires_at, $3, ($2 - 1500000000000000) / 1000000
from message m join lane l on l.workspace = m.workspace and l.channel = m.channel left join campaign c on c.id = m.campaign
where m.id = $1::uuid
returning lane;

-- name: lane_of
select p.lane from pending p where p.id = $1::uuid;

-- name: reschedule_pending
update pending set due_at = $2, visible_at = $2, claimed_by = null,
    epoch = coalesce((select c.epoch from campaign c where c.id = pending.campaign), epoch)
where id = $1::uuid and (claimed_by is null or visible_at <= $3)
    and epoch >= coalesce((select c.cancel_epoch from campaign c where c.id = pending.campaign), 0)
returning lane, priority;
