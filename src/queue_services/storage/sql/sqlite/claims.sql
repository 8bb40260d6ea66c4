-- name: claim_candidates
select p.id, p.lane, p.claim, p.priority, p.campaign, p.epoch, p.due_at, p.visible_at, p.expires_at, p.tries, p.attempts, p.refused_since, p.claimed_by,
    m.contact, m.units, m.payload
from (
    select * from pending where lane = ?1 and priority = ?2 and visible_at <= ?3 order by visible_at, id limit ?4
) p
join message m on m.id = p.id;

-- name: claim_counted
-- Of a lane whose day is used up: what has counted for a day already, because it went out or was claimed by a dispatcher that is gone.
select p.id, p.lane, p.claim, p.priority, p.campaign, p.epoch, p.due_at, p.visible_at, p.expires_at, p.tries, p.attempts, p.refused_since, p.claimed_by,
    m.contact, m.units, m.payload
from (
    select * from (
        select * from pending where lane = ?1 and priority = ?2 and visible_at <= ?3 and attempts > 0 order by visible_at, id limit ?4
    )
    union all
    select * from (
        select * from pending indexed by pending_claimed
        where claimed_by is not null and attempts = 0 and lane = ?1 and priority = ?2 and visible_at <= ?3 limit ?4
    )
) p
join message m on m.id = p.id;

-- name: share_campaign_states
select id, state, cancel_epoch, cancelled_at from campaign where id = ?1;

-- name: claim_messages
update pending set claimed_by = ?3, claim = claim + 1, visible_at = ?4
where id = ?1 and claim = ?2 and visible_at <= ?5
returning id;

-- name: lane_earliest
select ?1,
    (select min(visible_at) from pending where lane = ?1 and priority = 0),
    nullif(min(
        coalesce((select min(visible_at) from pending where lane = ?1 and priority = 1), 4611686018427387904),
        coalesce((select min(visible_at) from pending where lane = ?1 and priority = 2), 4611686018427387904)), 4611686018427387904);

-- name: counted_earliest
select ?1,
    nullif(min(
        coalesce((select min(visible_at) from pending where lane = ?1 and priority = 0 and attempts > 0), 4611686018427387904),
        coalesce((select min(visible_at) from pending indexed by pending_claimed
            where claimed_by is not null and attempts = 0 and lane = ?1 and priority = 0), 4611686018427387904)), 4611686018427387904),
    nullif(min(
        coalesce((select min(visible_at) from pending where lane = ?1 and priority = 1 and attempts > 0), 4611686018427387904),
        coalesce((select min(visible_at) from pending where lane = ?1 and priority = 2 and attempts > 0), 4611686018427387904),
        coalesce((select min(visible_at) from pending indexed by pending_claimed
            where claimed_by is not null and attempts = 0 and lane = ?1 and priority > 0), 4611686018427387904)), 4611686018427387904);

-- name: save_lanes
update lane set next_due_at = ?2, next_high_at = ?3, slot_at = ?4, rest = ?5, log = ?6, exceeded_at = ?7, held_until = ?8,
    day_ends_at = ?9, day_count = ?10
where id = ?1;

-- name: insert_exceedances
insert into exceedance (workspace, channel, at, batch_size, message, kind, waits_until) values (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: renew_leases
update pending set visible_at = ?4 where id = ?1 and claim = ?2 and claimed_by = ?3
returning id, claim;

-- name: save_lane_logs
update lane set log = ?2, slot_at = ?3 where id = ?1;

-- name: end_unclaimed
-- What no dispatcher holds: never claimed, given back, or its lease has run out.
delete from pending
where id = ?1 and (claimed_by is null or visible_at <= ?2)
returning id, (select workspace from lane where lane.id = pending.lane), (select channel from lane where lane.id = pending.lane), campaign, due_at, tries, attempts;
