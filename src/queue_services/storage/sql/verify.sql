-- What must never be: each statement finds the rows that break one rule, with what is wrong about them, up to a number of rows.

-- name: verify_size
select (select count(*) from message), (select count(*) from pending), (select count(*) from result where status <> 'scheduled');

-- name: verify_two_places
select r.id, 'waits, and is ' || r.status from pending p join result r on r.id = p.id where r.status <> 'scheduled' limit $1;

-- name: verify_nowhere
select m.id, 'neither waits nor has an end' from message m
where not exists (select 1 from pending p where p.id = m.id)
    and not exists (select 1 from result r where r.id = m.id and r.status <> 'scheduled')
limit $1;

-- name: verify_orphans
select * from (
    select p.id, 'a pending row without a message' from pending p where not exists (select 1 from message m where m.id = p.id)
    union all
    select r.id, 'a result without a message' from result r where not exists (select 1 from message m where m.id = r.id)
    union all
    select a.id, 'an attempt without a message' from attempt a where not exists (select 1 from message m where m.id = a.id)
    union all
    select i.id, 'an idempotency key without a message' from idempotency i where not exists (select 1 from message m where m.id = i.id)
) orphan limit $1;

-- name: verify_lanes
select p.id, 'waits in a lane that is not its own' from pending p join message m on m.id = p.id
where not exists (select 1 from lane l where l.id = p.lane and l.workspace = m.workspace and l.channel = m.channel)
limit $1;

-- name: verify_claims
select id, 'is claimed and parked at once' from pending where claimed_by is not null and visible_at >= 4611686018427387903 limit $1;

-- name: verify_parked
select p.id, 'is parked, and nobody will let it go' from pending p left join campaign c on c.id = p.campaign
where p.visible_at = 4611686018427387903 and (c.id is null or (c.state in ('active', 'cancelled') and c.busy = 0))
limit $1;

-- name: verify_keys
select m.id, 'its idempotency key is not kept' from message m
where m.idempotency_key is not null
    and not exists (select 1 from idempotency i where i.workspace = m.workspace and i.key = m.idempotency_key and i.id = m.id)
limit $1;

-- name: verify_campaigns
select p.id, 'is of a campaign that is not there' from pending p
where p.campaign is not null and not exists (select 1 from campaign c where c.id = p.campaign)
limit $1;

-- name: verify_waiting
select l.id, l.workspace, l.channel, l.next_due_at, l.next_high_at, l.terms, l.day_ends_at, l.day_count,
    (select min(visible_at) from pending where lane = l.id and priority = 0 and visible_at < 4611686018427387903),
    (select min(visible_at) from pending where lane = l.id and priority = 1 and visible_at < 4611686018427387903),
    (select min(visible_at) from pending where lane = l.id and priority = 2 and visible_at < 4611686018427387903)
from lane l;

-- name: verify_counted
select workspace, channel, campaign, sum(accepted + revived_dead + revived_cancelled - delivered - dead - cancelled)::bigint,
    sum(delivered - pruned_delivered)::bigint, sum(dead - revived_dead - pruned_dead)::bigint, sum(cancelled - revived_cancelled - pruned_cancelled)::bigint
from (
    select workspace, channel, campaign, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled,
        pruned_delivered, pruned_dead, pruned_cancelled
    from total
    union all
    select workspace, channel, campaign, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0, 0, 0
    from tally where campaign <> 0
    union all
    select workspace, channel, 0, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0, 0, 0 from tally
    union all
    select '', channel, 0, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0, 0, 0 from tally
) counted
group by workspace, channel, campaign;

-- name: verify_pending
select l.workspace, l.channel, coalesce(p.campaign, 0), count(*) from pending p join lane l on l.id = p.lane
group by l.workspace, l.channel, coalesce(p.campaign, 0);

-- name: verify_results
select workspace, channel, coalesce(campaign, 0), status, count(*) from result where status <> 'scheduled'
group by workspace, channel, coalesce(campaign, 0), status;

-- name: verify_sent
-- By workspace ('' is the whole service) and channel: the most units that went out in any second, and the least time between two.
with sent as (
    select r.workspace, r.channel, r.started_at as at, case when $2::boolean then (select m.units from message m where m.id = r.id) else 1 end as units
    from result r where r.outcome is not null and r.started_at >= $1
    union all
    select m.workspace, m.channel, a.started_at, case when $2 then m.units else 1 end from attempt a join message m on m.id = a.id where a.started_at >= $1
), counted as (
    select '' as workspace, channel, at, units from sent
    union all
    select s.workspace, s.channel, s.at, s.units from sent s join lane l on l.workspace = s.workspace and l.channel = s.channel and l.rate is not null
), seconds as (
    select workspace, channel, at,
        sum(units) over (partition by workspace, channel order by at range between 999999 preceding and current row) as units,
        at - lag(at) over (partition by workspace, channel order by at) as gap
    from counted
)
select workspace, channel, max(units), min(gap) from seconds group by workspace, channel;

-- name: verify_rates
select l.workspace, l.channel, greatest(l.rate, coalesce((select max(greatest(a.from_rate, a.to_rate)) from adjustment a
    where a.workspace = l.workspace and a.channel = l.channel and a.at >= $1), 0),
    -- none of its own is the service's, which bounds it then
    coalesce((select max(greatest(coalesce(c.from_rate, 1e18), coalesce(c.to_rate, 1e18))) from limit_change c
    where c.workspace = l.workspace and c.channel = l.channel and c.at >= $1), 0))
from lane l where l.rate is not null
union all
select '', channel, max(greatest(coalesce(from_rate, 0), coalesce(to_rate, 0))) from limit_change where workspace = '' and at >= $1 group by channel;
