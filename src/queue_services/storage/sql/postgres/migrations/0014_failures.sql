-- Jobs that are FAILED now, by what they failed of. `fault` is the error without what differs from job to job.
create table failure (
    id uuid primary key,
    error_group text not null,
    status_code integer,
    fault text not null,
    workspace text not null,
    channel text not null,
    campaign bigint,
    failed_at bigint not null
);
create index failure_group on failure (error_group, id);
create index failure_workspace on failure (workspace, error_group);

-- The beginning of the answer to a message's last attempt that was not delivered; `cut` where it was longer.
create table answer (
    id uuid primary key,
    number integer not null,
    body text not null,
    cut smallint not null
);
