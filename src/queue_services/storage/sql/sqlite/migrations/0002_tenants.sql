-- What differs from tenant to tenant. `settings` are JSON, of domain.workspace.Workspace and domain.tiers.Tier: read whole, never searched.

create table workspace (
    id text primary key,
    settings text not null
) without rowid;

-- While `apply_after` is not null, lanes with a greater id may not yet have what the tier was changed to.
create table tier (
    name text primary key,
    settings text not null,
    apply_after integer
) without rowid;
insert into tier (name, settings) values
    ('free', '{"name":"free","limits":{"sms":5,"email":10},"weight":0.5}'),
    ('standard', '{"name":"standard"}'),
    ('premium', '{"name":"premium","weight":2,"auto_scale":{"sms":{"max":200,"step":1.25},"email":{"max":400,"step":1.25}}}');

-- A lane's copy of what its claims go by (`rate`, `weight` and `paused` are such copies, too), and what is watched of it.
alter table lane add column terms text;
alter table lane add column day_ends_at integer not null default 0;
alter table lane add column day_count integer not null default 0;
alter table lane add column throttled_at integer not null default 0;
alter table lane add column watch text;
alter table lane add column watched_at integer not null default 0;
create index lane_watched on lane (watched_at) where watch is not null;

-- How much of a limit it takes.
alter table message add column units integer not null default 1;

create table adjustment (
    workspace text not null,
    channel text not null,
    at integer not null,
    from_rate real not null,
    to_rate real not null,
    reason text not null
);
create index adjustment_lane on adjustment (workspace, channel, at);
create index adjustment_at on adjustment (at);

create table event (
    id text primary key,
    workspace text not null,
    channel text,
    type text not null,
    payload text not null,
    created_at integer not null,
    visible_at integer not null,
    claimed_by integer,
    claim integer not null default 0,
    tries integer not null default 0
);
create index event_turn on event (visible_at, id);
create index event_created on event (created_at);

create index total_workspace on total (workspace, channel) where campaign = 0;
