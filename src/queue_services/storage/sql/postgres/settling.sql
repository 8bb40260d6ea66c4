-- name: held_lanes
select l.id from lane l join unnest($1::bigint[]) u(wanted) on l.id = u.wanted where l.hold_reason is not null or l.refusals <> 0;

-- name: lock_holds
select l.id, l.workspace, l.channel, l.rate, l.exceeded_at, l.held_until, l.hold_reason, l.hold_step, l.refusals, l.hold_set_at, l.throttled_at
from lane l join unnest($1::bigint[]) u(wanted) on l.id = u.wanted order by l.id for update of l;

-- name: save_holds
update lane l set held_until = u.held_until, hold_reason = u.reason, hold_step = u.step, refusals = u.refusals, hold_set_at = u.set_at,
    exceeded_at = u.exceeded_at, throttled_at = u.throttled_at
from unnest($1::bigint[], $2::bigint[], $3::text[], $4::integer[], $5::integer[], $6::bigint[], $7::bigint[], $8::bigint[])
    u(id, held_until, reason, step, refusals, set_at, exceeded_at, throttled_at)
where l.id = u.id;

-- name: delete_claimed
delete from pending p using unnest($1::uuid[], $2::integer[]) u(id, claim)
where p.id = u.id and p.claim = u.claim and p.claimed_by = $3
returning p.id, p.claim;

-- name: schedule_again
update pending p set visible_at = u.visible_at, tries = u.tries, attempts = u.attempts, refused_since = u.refused_since, claimed_by = null
from unnest($1::uuid[], $2::integer[], $3::bigint[], $4::integer[], $5::integer[], $6::bigint[]) u(id, claim, visible_at, tries, attempts, refused_since)
where p.id = u.id and p.claim = u.claim and p.claimed_by = $7
returning p.id, p.claim;

-- name: insert_attempts
insert into attempt (id, number, outcome, started_at, duration, status_code, error)
select id, number, outcome, started_at, duration, status_code,
    case when error is null or exists (select 1 from message m where m.id = u.id and m.blank = 'erased') then null else error end
from unnest($1::uuid[], $2::integer[], $3::text[], $4::bigint[], $5::bigint[], $6::integer[], $7::text[])
    u(id, number, outcome, started_at, duration, status_code, error)
on conflict do nothing;

-- name: release_claimed
update pending p set visible_at = u.visible_at, claimed_by = null
from unnest($1::uuid[], $2::integer[], $3::bigint[]) u(id, claim, visible_at)
where p.id = u.id and p.claim = u.claim and p.claimed_by = $4
returning p.id;

-- name: return_to_day
update lane l set day_count = greatest(0, l.day_count - u.count)
from unnest($1::bigint[], $2::integer[], $3::bigint[]) u(id, count, day_ends_at)
where l.id = u.id and l.day_ends_at = u.day_ends_at;
