-- Keys by the SHA-256 of their text. Without a workspace it is an administrator's. A revoked key stays: once there was one, a key is always asked for.
create table api_key (
    id uuid primary key,
    digest text not null unique,
    workspace text,
    scopes text not null,
    per_minute integer,
    created_at bigint not null,
    expires_at bigint,
    revoked_at bigint
);

-- How often keys were made or revoked: what every process looks at in place of all keys.
create table key_version (
    one smallint primary key check (one = 1),
    value bigint not null
);

-- How many messages a key has handed in, in the minute (since 1970) that it did so last.
create table key_use (
    id uuid primary key,
    minute bigint not null,
    used bigint not null
) with (fillfactor = 70);

-- Where events go: a row for each workspace with an URL of its own, '' for the service's. Its hold is kept as a lane's is.
create table event_route (
    workspace text primary key,
    enabled smallint not null,
    held_until bigint not null default 0,
    hold_reason text,
    hold_step integer not null default 0,
    refusals integer not null default 0,
    hold_set_at bigint not null default 0
) with (fillfactor = 70);
insert into event_route (workspace, enabled)
select id, case when coalesce((settings::json ->> 'events_off')::boolean, false) then 0 else 1 end from workspace where settings::json ->> 'events_url' is not null;
update lane set terms = (coalesce(terms, '{}')::jsonb || '{"events": true}')::text
where workspace in (select r.workspace from event_route r where r.enabled <> 0);

-- What was told last of events that are told once in a while.
create table event_told (
    workspace text not null,
    subject text not null,
    at bigint not null,
    primary key (workspace, subject)
) with (fillfactor = 70);

-- The events kept so far had no way out.
drop table event;
create table event (
    seq bigint generated always as identity primary key,
    id uuid not null unique,
    route text not null,
    workspace text not null,
    channel text,
    type text not null,
    job uuid,
    payload text not null,
    created_at bigint not null,
    visible_at bigint not null,
    claimed_by bigint,
    claim integer not null default 0,
    tries integer not null default 0
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index event_turn on event (route, visible_at, seq);
create index event_job on event (job, seq) where job is not null;
create index event_created on event (created_at);
