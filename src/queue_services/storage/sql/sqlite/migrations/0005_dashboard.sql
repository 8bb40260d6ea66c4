-- Who did what at the dashboard. `outcome` is null until the action has returned.
create table audit (
    id integer primary key autoincrement,
    at integer not null,
    actor text not null,
    workspace text,
    action text not null,
    subject text not null,
    detail text,
    outcome text
);
create index audit_workspace on audit (workspace, id) where workspace is not null;

-- What is done to many jobs in the background. `request` is JSON of storage.operations.Request; `position` is the id of the last job done, newest first.
create table operation (
    id text primary key,
    workspace text,
    action text not null,
    actor text not null,
    request text not null,
    matched integer not null,
    done integer not null default 0,
    skipped integer not null default 0,
    position text,
    state text not null default 'waiting',
    error text,
    created_at integer not null,
    finished_at integer,
    claimed_by text,
    claimed_until integer not null default 0
) without rowid;
create index operation_open on operation (id) where finished_at is null;

-- What signs the dashboard's cookies, the same for every process.
create table dashboard_secret (
    one integer primary key check (one = 1),
    secret text not null
);
