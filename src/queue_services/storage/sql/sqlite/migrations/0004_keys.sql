-- Keys by the SHA-256 of their text. Without a workspace it is an administrator's. A revoked key stays: once there was one, a key is always asked for.
create table api_key (
    id text primary key,
    digest text not null unique,
    workspace text,
    scopes text not null,
    per_minute integer,
    created_at integer not null,
    expires_at integer,
    revoked_at integer
) without rowid;

-- How often keys were made or revoked: what every process looks at in place of all keys.
create table key_version (
    one integer primary key check (one = 1),
    value integer not null
);

-- How many messages a key has handed in, in the minute (since 1970) that it did so last.
create table key_use (
    id text primary key,
    minute integer not null,
    used integer not null
) without rowid;

-- Where events go: a row for each workspace with an URL of its own, '' for the service's. Its hold is kept as a lane's is.
create table event_route (
    workspace text primary key,
    enabled integer not null,
    held_until integer not null default 0,
    hold_reason text,
    hold_step integer not null default 0,
    refusals integer not null default 0,
    hold_set_at integer not null default 0
) without rowid;
insert into event_route (workspace, enabled)
select id, coalesce(json_extract(settings, '$.events_off'), 0) = 0 from workspace where json_extract(settings, '$.events_url') is not null;
update lane set terms = json_set(coalesce(terms, '{}'), '$.events', json('true'))
where workspace in (select r.workspace from event_route r where r.enabled <> 0);

-- What was told last of events that are told once in a while.
create table event_told (
    workspace text not null,
    subject text not null,
    at integer not null,
    primary key (workspace, subject)
) without rowid;

-- The events kept so far had no way out.
drop table event;
create table event (
    seq integer primary key autoincrement,
    id text not null unique,
    route text not null,
    workspace text not null,
    channel text,
    type text not null,
    job text,
    payload text not null,
    created_at integer not null,
    visible_at integer not null,
    claimed_by integer,
    claim integer not null default 0,
    tries integer not null default 0
);
create index event_turn on event (route, visible_at, seq);
create index event_job on event (job, seq) where job is not null;
create index event_created on event (created_at);
