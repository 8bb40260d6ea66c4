-- What is shown of a workspace and channel counts from its row here on; the row without a workspace is the service's, and every workspace's.
create table baseline (
    workspace text not null,
    channel text not null,
    at integer not null,
    primary key (workspace, channel)
) without rowid;

-- `since` is the baseline that a row's counts come after: a reset needs to know none of them, the next count goes into another row.
alter table tally rename to old_tally;
create table tally (
    workspace text not null,
    channel text not null,
    campaign integer not null,
    minute integer not null,
    writer text not null,
    since integer not null default 0,
    accepted integer not null default 0,
    revived_dead integer not null default 0,
    revived_cancelled integer not null default 0,
    delivered integer not null default 0,
    dead integer not null default 0,
    cancelled integer not null default 0,
    retried integer not null default 0,
    batches integer not null default 0,
    batch_time integer not null default 0,
    lateness integer not null default 0,
    starts integer not null default 0,
    exceeded integer not null default 0,
    first_at integer,
    last_at integer,
    primary key (workspace, channel, campaign, minute, writer, since)
) without rowid;
insert into tally (workspace, channel, campaign, minute, writer, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled,
    retried, batches, batch_time, lateness, starts, first_at, last_at)
select workspace, channel, campaign, minute, writer, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled,
    retried, batches, batch_time, lateness, starts, first_at, last_at from old_tally;
drop table old_tally;
create index tally_campaign on tally (campaign) where campaign <> 0;
create index tally_minute on tally (minute);

alter table total add column exceeded integer not null default 0;
insert into total (workspace, channel, campaign, exceeded)
select workspace, channel, 0, count(*) from exceedance group by workspace, channel
union all
select '', channel, 0, count(*) from exceedance group by channel
on conflict (workspace, channel, campaign) do update set exceeded = excluded.exceeded;

-- The folded counts since the baseline, of a workspace or (without one) the service. `minute` is the newest in which a message ended: how many, from when to when.
create table figure (
    workspace text not null,
    channel text not null,
    since integer not null,
    delivered integer not null default 0,
    dead integer not null default 0,
    exceeded integer not null default 0,
    batches integer not null default 0,
    batch_time integer not null default 0,
    minute integer not null default 0,
    ended integer not null default 0,
    first_at integer,
    last_at integer,
    primary key (workspace, channel)
) without rowid;
create index figure_exceeded on figure (channel) where exceeded > 0;
insert into figure (workspace, channel, since, delivered, dead, exceeded, batches, batch_time, last_at)
select workspace, channel, 0, delivered, dead, exceeded, batches, batch_time, last_at from total where campaign = 0;

-- Rollups of `span` minutes (1, 60 or 1440) that begin at `minute`, of a workspace or (without one) the service.
create table history (
    workspace text not null,
    channel text not null,
    span integer not null,
    minute integer not null,
    sent integer not null default 0,
    failed integer not null default 0,
    exceeded integer not null default 0,
    lateness integer not null default 0,
    starts integer not null default 0,
    primary key (workspace, channel, span, minute)
) without rowid;
create index history_age on history (span, minute);

-- How often something took how long: `c0` to `c13` count by the upper bounds of domain.figures, `sum` is microseconds. What is folded has minute 0.
create table histogram (
    kind text not null,
    channel text not null,
    minute integer not null,
    writer text not null,
    sum integer not null default 0,
    c0 integer not null default 0,
    c1 integer not null default 0,
    c2 integer not null default 0,
    c3 integer not null default 0,
    c4 integer not null default 0,
    c5 integer not null default 0,
    c6 integer not null default 0,
    c7 integer not null default 0,
    c8 integer not null default 0,
    c9 integer not null default 0,
    c10 integer not null default 0,
    c11 integer not null default 0,
    c12 integer not null default 0,
    c13 integer not null default 0,
    primary key (kind, channel, minute, writer)
) without rowid;
