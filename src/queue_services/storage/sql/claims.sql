-- name: read_limit
select log, paused from limit_state where channel = $1;

-- name: lock_limit
select log, paused from limit_state where channel = $1 for update;

-- name: save_limit
update limit_state set log = $2 where channel = $1;

-- name: claim_lanes
select id, workspace, weight, rest, rate, log, next_due_at, next_high_at, exceeded_at, held_until, hold_reason, hold_step, refusals, hold_set_at,
    terms, day_ends_at, day_count, (select min(apply_after) from tier)
from lane
where channel = $1 and ready_at <= $2 and not workspace = any($3::text[])
order by ready_at limit $4
for update skip locked;

-- name: claim_high_lanes
select id, workspace, weight, rest, rate, log, next_due_at, next_high_at, exceeded_at, held_until, hold_reason, hold_step, refusals, hold_set_at,
    terms, day_ends_at, day_count, (select min(apply_after) from tier)
from lane
where channel = $1 and high_ready_at <= $2 and next_high_at < 4611686018427387904 and not workspace = any($3::text[])
order by high_ready_at limit $4
for update skip locked;

-- name: count_visible
select count(*) from (select 1 from pending where lane = $1 and priority = any($2::smallint[]) and visible_at <= $3 limit 10000) due;

-- name: first_ready
select nullif(least(
    coalesce((select ready_at from lane where channel = $1 and not workspace = any($2::text[]) order by ready_at limit 1), 4611686018427387904),
    coalesce((select high_ready_at from lane where channel = $1 and next_high_at < 4611686018427387904 and not workspace = any($2::text[])
        order by high_ready_at limit 1), 4611686018427387904)), 4611686018427387904);

-- name: park_messages
update pending set visible_at = 4611686018427387903, claimed_by = null
where id in (
    select id from pending where lane = $1 and priority = $2 and visible_at <= $3 and campaign = $4 order by visible_at limit 1000);

-- name: doomed_messages
select id from pending where lane = $1 and priority = $2 and visible_at <= $3 and campaign = $4 and epoch < $5 order by visible_at limit 1000;

-- name: gate_lanes
select id, rate, paused, held_until, terms from lane where id = any($1::bigint[]);

-- name: lock_lane_logs
-- One that a claim holds right now is passed over: its messages get their slots a moment later.
select id, rate, log from lane where id = any($1::bigint[]) order by id for update skip locked;

-- name: campaign_states
select id, state, cancel_epoch, cancelled_at from campaign where id = any($1::bigint[]);

-- name: hold_at_fault
update lane set held_until = $2, hold_reason = $3, hold_set_at = $4 where id = $1;
