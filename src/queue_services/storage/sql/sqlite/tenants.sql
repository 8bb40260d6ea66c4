-- name: find_workspace
select settings from workspace where id = ?1;

-- name: lock_workspace
insert into workspace (id, settings) values (?1, ?2)
on conflict (id) do update set settings = workspace.settings
returning settings;

-- name: save_workspace
update workspace set settings = ?2 where id = ?1;

-- name: callback_workspaces
select id, settings from workspace where id = ?1;

-- name: all_tiers
select name, settings from tier order by name;

-- name: find_tier
select settings from tier where name = ?1;

-- name: share_tier
select settings from tier where name = ?1;

-- name: lock_tier
insert into tier (name, settings) values (?1, ?2)
on conflict (name) do update set settings = tier.settings
returning settings;

-- name: save_tier
update tier set settings = ?2, apply_after = 0 where name = ?1;

-- name: lock_changed_tier
select name, apply_after from tier where apply_after is not null order by name limit 1;

-- name: save_applied
update tier set apply_after = ?2 where name = ?1;

-- name: next_lanes
select l.id, w.settings from (select id, workspace from lane where id > ?1 order by id limit ?2) l left join workspace w on w.id = l.workspace order by l.id;

-- name: lane_tenants
select l.id, l.workspace, l.channel, l.rate, l.log, l.terms, l.watch, l.next_due_at, l.throttled_at, w.settings
from lane l left join workspace w on w.id = l.workspace
where l.id = ?1;

-- name: save_lane_terms
update lane set rate = ?2, weight = ?3, paused = ?4, terms = ?5, slot_at = ?6, next_due_at = min(next_due_at, ?7), next_high_at = min(next_high_at, ?7)
where id = ?1;

-- name: pause_channel
update limit_state set paused = ?2 where channel = ?1;

-- name: channel_paused
select paused from limit_state where channel = ?1;

-- name: lane_holds
select channel, rate, terms, paused, held_until, hold_reason, day_ends_at, day_count from lane where workspace = ?1 order by channel;

-- name: lift_hold
update lane set held_until = 0, hold_reason = null, hold_step = 0, refusals = 0, hold_set_at = ?3
where workspace = ?1 and channel = ?2 and hold_reason is not null
returning id;
