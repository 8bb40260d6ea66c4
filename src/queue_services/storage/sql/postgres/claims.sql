-- name: claim_candidates
select p.id, p.lane, p.claim, p.priority, p.campaign, p.epoch, p.due_at, p.visible_at, p.expires_at, p.tries, p.attempts, p.refused_since, p.claimed_by,
    m.contact, m.units, m.payload
from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::integer[]) u(lane, priority, before, most)
cross join lateral (
    select * from pending q
    where q.lane = u.lane and q.priority = u.priority and q.visible_at <= u.before
    order by q.visible_at, q.id limit u.most
) p
join message m on m.id = p.id;

-- name: claim_counted
-- Of a lane whose day is used up: what has counted for a day already, because it went out or was claimed by a dispatcher that is gone.
select p.id, p.lane, p.claim, p.priority, p.campaign, p.epoch, p.due_at, p.visible_at, p.expires_at, p.tries, p.attempts, p.refused_since, p.claimed_by,
    m.contact, m.units, m.payload
from unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::integer[]) u(lane, priority, before, most)
cross join lateral (
    (select * from pending q
    where q.lane = u.lane and q.priority = u.priority and q.visible_at <= u.before and q.attempts > 0
    order by q.visible_at, q.id limit u.most)
    union all
    (select * from pending q
    where q.claimed_by is not null and q.attempts = 0 and q.lane = u.lane and q.priority = u.priority and q.visible_at <= u.before
    limit u.most)
) p
join message m on m.id = p.id;

-- name: share_campaign_states
-- One that is being cancelled or paused right now is passed over: its messages are left for the next pass.
select id, state, cancel_epoch, cancelled_at from campaign c join unnest($1::bigint[]) u(wanted) on c.id = u.wanted for share of c skip locked;

-- name: claim_messages
update pending p set claimed_by = $3, claim = p.claim + 1, visible_at = $4
from unnest($1::uuid[], $2::integer[]) u(id, claim)
where p.id = u.id and p.claim = u.claim and p.visible_at <= $5
returning p.id;

-- name: lane_earliest
select u.lane,
    (select min(p.visible_at) from pending p where p.lane = u.lane and p.priority = 0),
    least(
        (select min(p.visible_at) from pending p where p.lane = u.lane and p.priority = 1),
        (select min(p.visible_at) from pending p where p.lane = u.lane and p.priority = 2))
from unnest($1::bigint[]) u(lane);

-- name: counted_earliest
select u.lane,
    least(
        (select min(p.visible_at) from pending p where p.lane = u.lane and p.priority = 0 and p.attempts > 0),
        (select min(p.visible_at) from pending p where p.claimed_by is not null and p.attempts = 0 and p.lane = u.lane and p.priority = 0)),
    least(
        (select min(p.visible_at) from pending p where p.lane = u.lane and p.priority = 1 and p.attempts > 0),
        (select min(p.visible_at) from pending p where p.lane = u.lane and p.priority = 2 and p.attempts > 0),
        (select min(p.visible_at) from pending p where p.claimed_by is not null and p.attempts = 0 and p.lane = u.lane and p.priority > 0))
from unnest($1::bigint[]) u(lane);

-- name: save_lanes
update lane l set next_due_at = u.next_due_at, next_high_at = u.next_high_at, slot_at = u.slot_at, rest = u.rest, log = u.log,
    exceeded_at = u.exceeded_at, held_until = u.held_until, day_ends_at = u.day_ends_at, day_count = u.day_count
from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::integer[])
    u(id, next_due_at, next_high_at, slot_at, rest, log, exceeded_at, held_until, day_ends_at, day_count)
where l.id = u.id;

-- name: insert_exceedances
insert into exceedance (workspace, channel, at, batch_size, message, kind, waits_until)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::bigint[]);

-- name: renew_leases
update pending p set visible_at = $4
from unnest($1::uuid[], $2::integer[]) u(id, claim)
where p.id = u.id and p.claim = u.claim and p.claimed_by = $3
returning p.id, p.claim;

-- name: save_lane_logs
update lane l set log = u.log, slot_at = u.slot_at from unnest($1::bigint[], $2::text[], $3::bigint[]) u(id, log, slot_at) where l.id = u.id;

-- name: end_unclaimed
-- What no dispatcher holds: never claimed, given back, or its lease has run out.
delete from pending p using lane l, unnest($1::uuid[]) u(id)
where p.id = u.id and l.id = p.lane and (p.claimed_by is null or p.visible_at <= $2)
returning p.id, l.workspace, l.channel, p.campaign, p.due_at, p.tries, p.attempts;
