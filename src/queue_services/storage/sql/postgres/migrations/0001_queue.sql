-- Instants are microseconds since 1970; 4611686018427387904 (2^62) is "never", and one less marks a message parked by a paused campaign.

create table lane (
    id bigint generated always as identity primary key,
    workspace text not null,
    channel text not null,
    next_due_at bigint not null default 4611686018427387904,
    next_high_at bigint not null default 4611686018427387904,
    slot_at bigint not null default 0,
    held_until bigint not null default 0,
    hold_reason text,
    hold_step integer not null default 0,
    hold_set_at bigint not null default 0,
    refusals integer not null default 0,
    paused smallint not null default 0,
    weight double precision not null default 1,
    rest integer not null default 0,
    rate double precision,
    log text,
    exceeded_at bigint not null default 0,
    ready_at bigint not null generated always as
        (case when paused <> 0 then 4611686018427387904 else greatest(next_due_at, slot_at, held_until) end) stored,
    high_ready_at bigint not null generated always as
        (case when paused <> 0 then 4611686018427387904 else greatest(next_high_at, slot_at, held_until) end) stored,
    unique (workspace, channel)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index lane_ready on lane (channel, ready_at);
create index lane_high_ready on lane (channel, high_ready_at) where next_high_at < 4611686018427387904;

create table campaign (
    id bigint generated always as identity primary key,
    workspace text not null,
    name text not null,
    state text not null default 'active',
    resume_to text not null default 'active',
    epoch integer not null default 0,
    cancel_epoch integer not null default 0,
    cancelled_at bigint,
    shift bigint not null default 0,
    busy smallint not null default 0,
    unique (workspace, name)
);
create index campaign_busy on campaign (id) where busy <> 0;

create table message (
    id uuid primary key,
    workspace text not null,
    channel text not null,
    contact text not null,
    campaign bigint,
    recipient text not null,
    priority smallint not null,
    created_at bigint not null,
    expires_at bigint,
    idempotency_key text,
    payload text not null
);
create index message_workspace on message (workspace, id);
create index message_recipient on message (recipient, workspace);
create index message_contact on message (contact, workspace);
create index message_campaign on message (campaign, id) where campaign is not null;

create table pending (
    id uuid primary key,
    lane bigint not null,
    priority smallint not null,
    campaign bigint,
    epoch integer not null default 0,
    due_at bigint not null,
    visible_at bigint not null,
    expires_at bigint,
    claimed_by bigint,
    claim integer not null default 0,
    tries integer not null default 0,
    attempts integer not null default 0,
    refused_since bigint
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index pending_turn on pending (lane, priority, visible_at, id);
create index pending_claimed on pending (campaign) where claimed_by is not null;
create index pending_campaign on pending (campaign, epoch, due_at) where campaign is not null;
create index pending_parked on pending (campaign) where visible_at = 4611686018427387903;
create index pending_expiry on pending (expires_at) where expires_at is not null;

create sequence change_seq;
create table result (
    id uuid primary key,
    workspace text not null,
    channel text not null,
    campaign bigint,
    status text not null,
    reason text,
    due_at bigint not null,
    finished_at bigint not null,
    tries integer not null,
    attempts integer not null,
    outcome text,
    started_at bigint,
    duration bigint,
    status_code integer,
    error text,
    seq bigint not null,
    xid xid8 not null default pg_current_xact_id()
) with (autovacuum_vacuum_insert_scale_factor = 0.1);
create unique index result_seq on result (seq);
create index result_unsent on result (status, id) where status in ('dead', 'cancelled');
create index result_finished on result (finished_at);
create index result_campaign on result (campaign, due_at) where campaign is not null;

create table attempt (
    id uuid not null,
    number integer not null,
    outcome text not null,
    started_at bigint not null,
    duration bigint not null,
    status_code integer,
    error text,
    primary key (id, number)
);

create table idempotency (
    workspace text not null,
    key text not null,
    fingerprint text not null,
    id uuid not null,
    primary key (workspace, key)
);

create table limit_state (
    channel text primary key,
    log text,
    paused smallint not null default 0
) with (fillfactor = 50);
insert into limit_state (channel) values ('sms'), ('email');

create table tally (
    workspace text not null,
    channel text not null,
    campaign bigint not null,
    minute bigint not null,
    writer text not null,
    accepted bigint not null default 0,
    revived_dead bigint not null default 0,
    revived_cancelled bigint not null default 0,
    delivered bigint not null default 0,
    dead bigint not null default 0,
    cancelled bigint not null default 0,
    retried bigint not null default 0,
    batches bigint not null default 0,
    batch_time bigint not null default 0,
    lateness bigint not null default 0,
    starts bigint not null default 0,
    first_at bigint,
    last_at bigint,
    primary key (workspace, channel, campaign, minute, writer)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index tally_campaign on tally (campaign) where campaign <> 0;
create index tally_minute on tally (minute);

create table total (
    workspace text not null,
    channel text not null,
    campaign bigint not null,
    accepted bigint not null default 0,
    revived_dead bigint not null default 0,
    revived_cancelled bigint not null default 0,
    delivered bigint not null default 0,
    dead bigint not null default 0,
    cancelled bigint not null default 0,
    retried bigint not null default 0,
    batches bigint not null default 0,
    batch_time bigint not null default 0,
    lateness bigint not null default 0,
    starts bigint not null default 0,
    pruned_delivered bigint not null default 0,
    pruned_dead bigint not null default 0,
    pruned_cancelled bigint not null default 0,
    last_at bigint,
    primary key (workspace, channel, campaign)
);
create index total_campaign on total (campaign) where campaign <> 0;

create table exceedance (
    workspace text not null,
    channel text not null,
    at bigint not null,
    batch_size integer not null,
    message text not null,
    kind text not null,
    waits_until bigint
);
create index exceedance_lane on exceedance (workspace, channel, at);
create index exceedance_at on exceedance (at);

create table dispatcher (
    id bigint generated always as identity primary key,
    name text not null,
    started_at bigint not null,
    seen_at bigint not null,
    claimed bigint not null default 0,
    lag bigint not null default 0
);
