-- What operators want to be warned of: the rule as JSON of domain.alerts.Rule, and where it stands.
create table alert (
    name text primary key,
    rule text not null,
    standing text not null
);

-- Where notifications go, as JSON of queue.alert_sinks.Sink.
create table alert_sink (
    name text primary key,
    settings text not null
);

-- Notifications that no sink has taken yet; `body` is JSON. `visible_at` is the end of the lease, then the next try.
create table notification (
    id text primary key,
    sink text not null,
    body text not null,
    created_at bigint not null,
    visible_at bigint not null,
    tries bigint not null default 0
);
create index notification_visible on notification (visible_at);

-- Which process evaluates the alerts, and until when.
create table alert_watch (
    one smallint primary key check (one = 1),
    holder text not null,
    held_until bigint not null
);
