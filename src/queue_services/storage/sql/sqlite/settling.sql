-- name: held_lanes
select id from lane where id = ?1 and (hold_reason is not null or refusals <> 0);

-- name: lock_holds
select id, workspace, channel, rate, exceeded_at, held_until, hold_reason, hold_step, refusals, hold_set_at, throttled_at from lane where id = ?1;

-- name: save_holds
update lane set held_until = ?2, hold_reason = ?3, hold_step = ?4, refusals = ?5, hold_set_at = ?6, exceeded_at = ?7, throttled_at = ?8
where id = ?1;

-- name: delete_claimed
delete from pending where id = ?1 and claim = ?2 and claimed_by = ?3
returning id, claim;

-- name: schedule_again
update pending set visible_at = ?3, tries = ?4, attempts = ?5, refused_since = ?6, claimed_by = null
where id = ?1 and claim = ?2 and claimed_by = ?7
returning id, claim;

-- name: insert_attempts
insert into attempt (id, number, outcome, started_at, duration, status_code, error) values (?1, ?2, ?3, ?4, ?5, ?6,
    case when ?7 is null or exists (select 1 from message where id = ?1 and blank = 'erased') then null else ?7 end)
on conflict do nothing;

-- name: release_claimed
update pending set visible_at = ?3, claimed_by = null where id = ?1 and claim = ?2 and claimed_by = ?4
returning id;

-- name: return_to_day
update lane set day_count = max(0, day_count - ?2) where id = ?1 and day_ends_at = ?3;
