-- name: find_workspace
select settings from workspace where id = $1;

-- name: lock_workspace
insert into workspace (id, settings) values ($1, $2)
on conflict (id) do update set settings = workspace.settings
returning settings;

-- name: save_workspace
update workspace set settings = $2 where id = $1;

-- name: all_tiers
select name, settings from tier order by name;

-- name: find_tier
select settings from tier where name = $1;

-- name: share_tier
-- Held until the transaction ends, so that a change of the tier waits for it and applies to the lanes it inserts.
select settings from tier where name = $1 for share;

-- name: lock_tier
insert into tier (name, settings) values ($1, $2)
on conflict (name) do update set settings = tier.settings
returning settings;

-- name: save_tier
update tier set settings = $2, apply_after = 0 where name = $1;

-- name: lock_changed_tier
select name, apply_after from tier where apply_after is not null order by name limit 1 for update;

-- name: save_applied
update tier set apply_after = $2 where name = $1;

-- name: held_back_lanes
-- Those that wait for a slot of their own limit, or for their next day, for longer than until $1: what a tier is changed to may let them go.
select id from lane
where next_due_at < 4611686018427387903
    and (slot_at > $1 or (day_ends_at > $1 and day_count > 0 and next_due_at > $1))
order by id;

-- name: next_lanes
select l.id, l.workspace, w.settings
from (select id, workspace from lane where id > $1 order by id limit $2) l left join workspace w on w.id = l.workspace
order by l.id;

-- name: lane_tenants
select l.id, l.workspace, l.channel, l.rate, l.log, l.terms, l.watch, l.next_due_at, l.throttled_at, w.settings
from lane l left join workspace w on w.id = l.workspace
where l.id = any($1::bigint[]);

-- name: pause_channel
update limit_state set paused = $2 where channel = $1;

-- name: lane_watches
select channel, watch from lane where workspace = $1;

-- name: lane_holds
select l.channel, l.terms, l.paused, s.paused, l.held_until, l.hold_reason, l.day_ends_at, l.day_count
from lane l join limit_state s on s.channel = l.channel
where l.workspace = $1 order by l.channel;

-- name: lift_hold
update lane set held_until = 0, hold_reason = null, hold_step = 0, refusals = 0, hold_set_at = $3
where workspace = $1 and channel = $2 and hold_reason is not null
returning id;

-- name: busiest_workspaces
with listed as (
    select workspace, sum(sent)::bigint as sent, sum(backlog)::bigint as backlog, sum(exceeded)::bigint as exceeded
    from (
        select workspace, 0 as sent, 0 as backlog, 0 as exceeded from lane
        union all
        select workspace, delivered, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled, exceeded
        from total where campaign = 0 and workspace <> ''
        union all
        select workspace, delivered, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled, exceeded from tally
    ) counted group by workspace
), placed as (
    select workspace, sent, backlog, exceeded, case $1::text when 'sent' then sent when 'backlog' then backlog else exceeded end as figure from listed
), page as (
    select * from placed
    where $2::bigint < 0 or figure < $2::bigint or (figure = $2::bigint and workspace > $3)
    order by figure desc, workspace limit $4
)
select p.workspace, w.settings, p.sent, p.backlog, p.exceeded
from page p left join workspace w on w.id = p.workspace
order by p.figure desc, p.workspace;
