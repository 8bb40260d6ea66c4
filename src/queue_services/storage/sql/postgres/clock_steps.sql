-- name: correct_lanes
update lane l set log = u.log, slot_at = u.slot_at, held_until = u.held_until, hold_set_at = u.hold_set_at, exceeded_at = u.exceeded_at,
    throttled_at = u.throttled_at, watch = u.watch, watched_at = u.watched_at, day_ends_at = u.day_ends_at,
    next_due_at = u.next_due_at, next_high_at = u.next_high_at
from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[], $9::bigint[],
    $10::bigint[], $11::bigint[], $12::bigint[])
    u(id, log, slot_at, held_until, hold_set_at, exceeded_at, throttled_at, watch, watched_at, day_ends_at, next_due_at, next_high_at)
where l.id = u.id;

-- name: correct_leases
update pending p set due_at = least(p.due_at, $4), visible_at = least(p.visible_at, u.visible_at)
from unnest($1::uuid[], $2::integer[], $3::bigint[]) u(id, claim, visible_at)
where p.id = u.id and p.claim = u.claim and p.claimed_by is not null
returning p.lane, p.priority, p.visible_at;

-- name: correct_waits
update pending p set due_at = least(p.due_at, $4), visible_at = least(p.visible_at, u.visible_at)
from unnest($1::uuid[], $2::integer[], $3::bigint[]) u(id, claim, visible_at)
where p.id = u.id and p.claim = u.claim and p.claimed_by is null
returning p.lane, p.priority, p.visible_at;
