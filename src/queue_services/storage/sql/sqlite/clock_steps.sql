-- name: correct_lanes
update lane set log = ?2, slot_at = ?3, held_until = ?4, hold_set_at = ?5, exceeded_at = ?6, throttled_at = ?7, watch = ?8, watched_at = ?9,
    day_ends_at = ?10, next_due_at = ?11, next_high_at = ?12
where id = ?1;

-- name: correct_leases
update pending set due_at = min(due_at, ?4), visible_at = min(visible_at, ?3) where id = ?1 and claim = ?2 and claimed_by is not null
returning lane, priority, visible_at;

-- name: correct_waits
update pending set due_at = min(due_at, ?4), visible_at = min(visible_at, ?3) where id = ?1 and claim = ?2 and claimed_by is null
returning lane, priority, visible_at;
