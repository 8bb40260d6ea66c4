-- Pauses and limits with an end or a reason. `name` is a channel or a campaign; without a workspace it is the service's. `former` is JSON.
create table timed_setting (
    kind text not null,
    workspace text not null,
    name text not null,
    until bigint,
    reason text,
    former text,
    primary key (kind, workspace, name)
);
create index timed_setting_end on timed_setting (until) where until is not null;

-- The whole service's limits in place of every process's setting.
create table channel_limit (
    channel text primary key,
    rate double precision not null
);
