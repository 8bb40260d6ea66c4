-- What is shown of a workspace and channel counts from its row here on; the row without a workspace is the service's, and every workspace's.
create table baseline (
    workspace text not null,
    channel text not null,
    at bigint not null,
    primary key (workspace, channel)
);

-- `since` is the baseline that a row's counts come after: a reset needs to know none of them, the next count goes into another row.
alter table tally add column since bigint not null default 0, add column exceeded bigint not null default 0;
alter table tally drop constraint tally_pkey;
alter table tally add primary key (workspace, channel, campaign, minute, writer, since);

alter table total add column exceeded bigint not null default 0;
insert into total (workspace, channel, campaign, exceeded)
select workspace, channel, 0, count(*) from exceedance group by workspace, channel
union all
select '', channel, 0, count(*) from exceedance group by channel
on conflict (workspace, channel, campaign) do update set exceeded = excluded.exceeded;

-- The folded counts since the baseline, of a workspace or (without one) the service. `minute` is the newest in which a message ended: how many, from when to when.
create table figure (
    workspace text not null,
    channel text not null,
    since bigint not null,
    delivered bigint not null default 0,
    dead bigint not null default 0,
    exceeded bigint not null default 0,
    batches bigint not null default 0,
    batch_time bigint not null default 0,
    minute bigint not null default 0,
    ended bigint not null default 0,
    first_at bigint,
    last_at bigint,
    primary key (workspace, channel)
);
create index figure_exceeded on figure (channel) where exceeded > 0;
insert into figure (workspace, channel, since, delivered, dead, exceeded, batches, batch_time, last_at)
select workspace, channel, 0, delivered, dead, exceeded, batches, batch_time, last_at from total where campaign = 0;

-- Rollups of `span` minutes (1, 60 or 1440) that begin at `minute`, of a workspace or (without one) the service.
create table history (
    workspace text not null,
    channel text not null,
    span integer not null,
    minute bigint not null,
    sent bigint not null default 0,
    failed bigint not null default 0,
    exceeded bigint not null default 0,
    lateness bigint not null default 0,
    starts bigint not null default 0,
    primary key (workspace, channel, span, minute)
) with (autovacuum_vacuum_scale_factor = 0.05);
create index history_age on history (span, minute);

-- How often something took how long: `c0` to `c13` count by the upper bounds of domain.figures, `sum` is microseconds. What is folded has minute 0.
create table histogram (
    kind text not null,
    channel text not null,
    minute bigint not null,
    writer text not null,
    sum bigint not null default 0,
    c0 bigint not null default 0,
    c1 bigint not null default 0,
    c2 bigint not null default 0,
    c3 bigint not null default 0,
    c4 bigint not null default 0,
    c5 bigint not null default 0,
    c6 bigint not null default 0,
    c7 bigint not null default 0,
    c8 bigint not null default 0,
    c9 bigint not null default 0,
    c10 bigint not null default 0,
    c11 bigint not null default 0,
    c12 bigint not null default 0,
    c13 bigint not null default 0,
    primary key (kind, channel, minute, writer)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
