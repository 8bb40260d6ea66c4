-- Instants are microseconds since 1970; 4611686018427387904 (2^62) is "never", and one less marks a message parked by a paused campaign.

create table lane (
    id integer primary key autoincrement,
    workspace text not null,
    channel text not null,
    next_due_at integer not null default 4611686018427387904,
    next_high_at integer not null default 4611686018427387904,
    slot_at integer not null default 0,
    held_until integer not null default 0,
    hold_reason text,
    hold_step integer not null default 0,
    hold_set_at integer not null default 0,
    refusals integer not null default 0,
    paused integer not null default 0,
    weight real not null default 1,
    rest integer not null default 0,
    rate real,
    log text,
    exceeded_at integer not null default 0,
    ready_at integer not null generated always as
        (case when paused <> 0 then 4611686018427387904 else max(next_due_at, slot_at, held_until) end) stored,
    high_ready_at integer not null generated always as
        (case when paused <> 0 then 4611686018427387904 else max(next_high_at, slot_at, held_until) end) stored,
    unique (workspace, channel)
);
create index lane_ready on lane (channel, ready_at);
create index lane_high_ready on lane (channel, high_ready_at) where next_high_at < 4611686018427387904;

create table campaign (
    id integer primary key autoincrement,
    workspace text not null,
    name text not null,
    state text not null default 'active',
    resume_to text not null default 'active',
    epoch integer not null default 0,
    cancel_epoch integer not null default 0,
    cancelled_at integer,
    shift integer not null default 0,
    busy integer not null default 0,
    unique (workspace, name)
);
create index campaign_busy on campaign (id) where busy <> 0;

create table message (
    id text primary key,
    workspace text not null,
    channel text not null,
    contact text not null,
    campaign integer,
    recipient text not null,
    priority integer not null,
    created_at integer not null,
    expires_at integer,
    idempotency_key text,
    payload text not null
);
create index message_workspace on message (workspace, id);
create index message_recipient on message (recipient, workspace);
create index message_contact on message (contact, workspace);
create index message_campaign on message (campaign, id) where campaign is not null;

create table pending (
    id text primary key,
    lane integer not null,
    priority integer not null,
    campaign integer,
    epoch integer not null default 0,
    due_at integer not null,
    visible_at integer not null,
    expires_at integer,
    claimed_by integer,
    claim integer not null default 0,
    tries integer not null default 0,
    attempts integer not null default 0,
    refused_since integer
) without rowid;
create index pending_turn on pending (lane, priority, visible_at, id);
create index pending_claimed on pending (campaign) where claimed_by is not null;
create index pending_campaign on pending (campaign, epoch, due_at) where campaign is not null;
create index pending_parked on pending (campaign) where visible_at = 4611686018427387903;
create index pending_expiry on pending (expires_at) where expires_at is not null;

create table change_seq (value integer not null);
insert into change_seq values (0);

create table result (
    id text not null unique,
    workspace text not null,
    channel text not null,
    campaign integer,
    status text not null,
    reason text,
    due_at integer not null,
    finished_at integer not null,
    tries integer not null,
    attempts integer not null,
    outcome text,
    started_at integer,
    duration integer,
    status_code integer,
    error text,
    seq integer primary key
);
create index result_unsent on result (status, id) where status in ('dead', 'cancelled');
create index result_finished on result (finished_at);
create index result_campaign on result (campaign, due_at) where campaign is not null;

create table attempt (
    id text not null,
    number integer not null,
    outcome text not null,
    started_at integer not null,
    duration integer not null,
    status_code integer,
    error text,
    primary key (id, number)
) without rowid;

create table idempotency (
    workspace text not null,
    key text not null,
    fingerprint text not null,
    id text not null,
    primary key (workspace, key)
) without rowid;

create table limit_state (
    channel text primary key,
    log text,
    paused integer not null default 0
) without rowid;
insert into limit_state (channel) values ('sms'), ('email');

create table tally (
    workspace text not null,
    channel text not null,
    campaign integer not null,
    minute integer not null,
    writer text not null,
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
    first_at integer,
    last_at integer,
    primary key (workspace, channel, campaign, minute, writer)
) without rowid;
create index tally_campaign on tally (campaign) where campaign <> 0;
create index tally_minute on tally (minute);

create table total (
    workspace text not null,
    channel text not null,
    campaign integer not null,
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
    pruned_delivered integer not null default 0,
    pruned_dead integer not null default 0,
    pruned_cancelled integer not null default 0,
    last_at integer,
    primary key (workspace, channel, campaign)
) without rowid;
create index total_campaign on total (campaign) where campaign <> 0;

create table exceedance (
    workspace text not null,
    channel text not null,
    at integer not null,
    batch_size integer not null,
    message text not null,
    kind text not null,
    waits_until integer
);
create index exceedance_lane on exceedance (workspace, channel, at);
create index exceedance_at on exceedance (at);

create table dispatcher (
    id integer primary key autoincrement,
    name text not null,
    started_at integer not null,
    seen_at integer not null,
    claimed integer not null default 0,
    lag integer not null default 0
);
