-- name: add_figures
insert into figure (workspace, channel, since, delivered, dead, exceeded, batches, batch_time)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
on conflict (workspace, channel) do update set
    delivered = case when excluded.since = figure.since then figure.delivered else 0 end + excluded.delivered,
    dead = case when excluded.since = figure.since then figure.dead else 0 end + excluded.dead,
    exceeded = case when excluded.since = figure.since then figure.exceeded else 0 end + excluded.exceeded,
    batches = case when excluded.since = figure.since then figure.batches else 0 end + excluded.batches,
    batch_time = case when excluded.since = figure.since then figure.batch_time else 0 end + excluded.batch_time,
    minute = case when excluded.since = figure.since then figure.minute else 0 end,
    ended = case when excluded.since = figure.since then figure.ended else 0 end,
    first_at = case when excluded.since = figure.since then figure.first_at end,
    last_at = case when excluded.since = figure.since then figure.last_at end,
    since = excluded.since
where excluded.since >= figure.since;

-- name: add_histograms
insert into histogram (kind, channel, minute, writer, sum, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
on conflict (kind, channel, minute, writer) do update set
    sum = histogram.sum + excluded.sum, c0 = histogram.c0 + excluded.c0, c1 = histogram.c1 + excluded.c1, c2 = histogram.c2 + excluded.c2,
    c3 = histogram.c3 + excluded.c3, c4 = histogram.c4 + excluded.c4, c5 = histogram.c5 + excluded.c5, c6 = histogram.c6 + excluded.c6,
    c7 = histogram.c7 + excluded.c7, c8 = histogram.c8 + excluded.c8, c9 = histogram.c9 + excluded.c9, c10 = histogram.c10 + excluded.c10,
    c11 = histogram.c11 + excluded.c11, c12 = histogram.c12 + excluded.c12, c13 = histogram.c13 + excluded.c13;

-- name: add_history
insert into history (workspace, channel, span, minute, sent, failed, exceeded, lateness, starts)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
on conflict (workspace, channel, span, minute) do update set
    sent = history.sent + excluded.sent, failed = history.failed + excluded.failed, exceeded = history.exceeded + excluded.exceeded, lateness = history.lateness + excluded.lateness, starts = history.starts + excluded.starts;

-- name: add_limit_changes
insert into limit_change (workspace, channel, at, from_rate, to_rate) values (?1, ?2, ?3, ?4, ?5);

-- name: add_newest_minutes
update figure set ended = case when minute = ?4 then ended else 0 end + ?5,
    first_at = case when minute = ?4 then min(first_at, ?6) else ?6 end,
    last_at = case when minute = ?4 then max(last_at, ?7) else ?7 end,
    minute = ?4
where workspace = ?1 and channel = ?2 and since = ?3 and minute <= ?4;

-- name: add_tally
insert into tally (workspace, channel, campaign, minute, writer, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, retried, batches, batch_time, lateness, starts, exceeded, first_at, last_at, since)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, coalesce((select max(at) from baseline where workspace in ('', ?1) and channel = ?2), 0))
on conflict (workspace, channel, campaign, minute, writer, since) do update set
    accepted = tally.accepted + excluded.accepted, revived_dead = tally.revived_dead + excluded.revived_dead,
    revived_cancelled = tally.revived_cancelled + excluded.revived_cancelled, delivered = tally.delivered + excluded.delivered,
    dead = tally.dead + excluded.dead, cancelled = tally.cancelled + excluded.cancelled, retried = tally.retried + excluded.retried,
    batches = tally.batches + excluded.batches, batch_time = tally.batch_time + excluded.batch_time, lateness = tally.lateness + excluded.lateness,
    starts = tally.starts + excluded.starts, exceeded = tally.exceeded + excluded.exceeded,
    first_at = coalesce(min(tally.first_at, excluded.first_at), tally.first_at, excluded.first_at),
    last_at = coalesce(max(tally.last_at, excluded.last_at), tally.last_at, excluded.last_at);

-- name: add_totals
insert into total (workspace, channel, campaign, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, retried, batches, batch_time, lateness, starts, exceeded, last_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
on conflict (workspace, channel, campaign) do update set
    accepted = total.accepted + excluded.accepted, revived_dead = total.revived_dead + excluded.revived_dead,
    revived_cancelled = total.revived_cancelled + excluded.revived_cancelled, delivered = total.delivered + excluded.delivered,
    dead = total.dead + excluded.dead, cancelled = total.cancelled + excluded.cancelled, retried = total.retried + excluded.retried,
    batches = total.batches + excluded.batches, batch_time = total.batch_time + excluded.batch_time, lateness = total.lateness + excluded.lateness,
    starts = total.starts + excluded.starts, exceeded = total.exceeded + excluded.exceeded,
    last_at = coalesce(max(total.last_at, excluded.last_at), total.last_at, excluded.last_at);

-- name: adjustments_of
select at, from_rate, to_rate, reason from adjustment where workspace = ?1 and channel = ?2 order by at desc limit ?3;

-- name: adopt_changes
select 1;

-- name: advance_operation
update operation set done = done + ?3, skipped = skipped + ?4, position = ?5, claimed_until = ?6
where id = ?1 and claimed_by = ?2 and finished_at is null
returning id;

-- name: all_alert_sinks
select name, settings from alert_sink order by name;

-- name: all_alerts
select name, rule, standing from alert order by name;

-- name: all_keys
select id, digest, workspace, scopes, per_minute, created_at, expires_at from api_key where revoked_at is null order by id;

-- name: all_tiers
select name, settings from tier order by name;

-- name: answer_of
select number, body, cut from answer where id = ?1;

-- name: any_pending_of_campaign
select 1 from pending where campaign = ?1 limit 1;

-- name: applied_migrations
select number, checksum from schema_migration order by number;

-- name: attempts_of
select number, outcome, started_at, duration, status_code, error from attempt where id = ?1
union all
select attempts, outcome, started_at, duration, status_code, error from result where id = ?1 and outcome is not null
order by 1;

-- name: baselines
select channel, max(at) from baseline where workspace in ('', ?1) group by channel;

-- name: busiest_workspaces
with listed as (
    select workspace, sum(sent) as sent, sum(backlog) as backlog, sum(exceeded) as exceeded
    from (
        select workspace, 0 as sent, 0 as backlog, 0 as exceeded from lane
        union all
        select workspace, delivered, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled, exceeded
        from total where campaign = 0 and workspace <> ''
        union all
        select workspace, delivered, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled, exceeded from tally
    ) counted group by workspace
), placed as (
    select workspace, sent, backlog, exceeded, case ?1 when 'sent' then sent when 'backlog' then backlog else exceeded end as figure from listed
), page as (
    select * from placed
    where ?2 < 0 or figure < ?2 or (figure = ?2 and workspace > ?3)
    order by figure desc, workspace limit ?4
)
select p.workspace, w.settings, p.sent, p.backlog, p.exceeded
from page p left join workspace w on w.id = p.workspace
order by p.figure desc, p.workspace;

-- name: callback_workspaces
select id, settings from workspace where id = ?1;

-- name: campaign_channel_counts
select channel, coalesce(sum(accepted), 0), coalesce(sum(revived_dead), 0), coalesce(sum(revived_cancelled), 0),
    coalesce(sum(delivered), 0), coalesce(sum(dead), 0), coalesce(sum(cancelled), 0),
    coalesce(sum(pruned_delivered), 0), coalesce(sum(pruned_dead), 0), coalesce(sum(pruned_cancelled), 0)
from (
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0 as pruned_delivered, 0 as pruned_dead, 0 as pruned_cancelled
    from tally where campaign = ?1 and campaign <> 0
    union all
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, pruned_delivered, pruned_dead, pruned_cancelled
    from total where campaign = ?1 and campaign <> 0
) counted group by channel;

-- name: campaign_channels
select channel from (
    select channel, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as waiting from tally where campaign = ?1 and campaign <> 0
    union all
    select channel, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled from total where campaign = ?1 and campaign <> 0
) counted group by channel having sum(waiting) > 0 order by channel;

-- name: campaign_counts
select coalesce(sum(accepted), 0), coalesce(sum(revived_dead), 0), coalesce(sum(revived_cancelled), 0),
    coalesce(sum(delivered), 0), coalesce(sum(dead), 0), coalesce(sum(cancelled), 0),
    coalesce(sum(pruned_delivered), 0), coalesce(sum(pruned_dead), 0), coalesce(sum(pruned_cancelled), 0)
from (
    select accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0 as pruned_delivered, 0 as pruned_dead, 0 as pruned_cancelled
    from tally where campaign = ?1 and campaign <> 0
    union all
    select accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, pruned_delivered, pruned_dead, pruned_cancelled
    from total where campaign = ?1 and campaign <> 0
) counted;

-- name: campaign_ended
select coalesce(sum(delivered + dead), 0) from tally
where minute >= ?3 and campaign in (select id from campaign where workspace = ?1 and name = ?2);

-- name: campaign_pending_spans
with recursive kept(epoch) as (
    select min(epoch) from pending where campaign = ?1
    union all
    select (select min(p.epoch) from pending p where p.campaign = ?1 and p.epoch > kept.epoch) from kept where kept.epoch is not null
)
select epoch, (select min(p.due_at) from pending p where p.campaign = ?1 and p.epoch = kept.epoch),
    (select max(p.due_at) from pending p where p.campaign = ?1 and p.epoch = kept.epoch)
from kept where epoch is not null;

-- name: campaign_result_span
select (select min(due_at) from result where campaign = ?1), (select max(due_at) from result where campaign = ?1);

-- name: campaign_states
select id, state, cancel_epoch, cancelled_at from campaign where id in (select value from json_each(?1));

-- name: campaigns_named
select id from campaign where name = ?1 and (?2 = '' or workspace = ?2);

-- name: cancel_campaign
update campaign set state = 'cancelled', epoch = epoch + 1, cancel_epoch = epoch + 1, cancelled_at = ?2, busy = 1 where id = ?1;

-- name: cancel_empty_campaign
update campaign set state = 'cancelled', cancelled_at = ?2 where id = ?1;

-- name: change_request
update operation set request = ?2 where id = ?1;

-- name: changes_after
select id, status, case when status = 'scheduled' then due_at else finished_at end, ?1, seq from result
where seq > ?2 and (?3 is null or workspace = ?3)
order by seq limit ?4;

-- name: changes_end
select 0, value from change_seq;

-- name: changes_of_few
select r.id, r.status, case when r.status = 'scheduled' then r.due_at else r.finished_at end, ?1, r.seq
from message m cross join result r on r.id = m.id
where m.workspace = ?3 and +r.seq > ?2
order by r.seq limit ?4;

-- name: changes_sizes
select (select count(*) from (select 1 from message where workspace = ?3 limit ?4)),
    (select count(*) from (select 1 from result where seq > ?2 limit ?4)), ?1;

-- name: channel_states
select channel, log, paused from limit_state order by channel;

-- name: channel_totals
select channel, sum(delivered), sum(dead), sum(retried), sum(exceeded), sum(backlog)
from (
    select channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from total where workspace = '' and campaign = 0
    union all
    select channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from tally
) counted group by channel;

-- name: check_writable
insert into write_probe (id, filler) values (1, ?1) on conflict (id) do update set filler = excluded.filler;

-- name: claim_candidates
select p.id, p.lane, p.claim, p.priority, p.campaign, p.epoch, p.due_at, p.visible_at, p.expires_at, p.tries, p.attempts, p.refused_since, p.claimed_by,
    m.contact, m.units, m.payload
from (
    select * from pending where lane = ?1 and priority = ?2 and visible_at <= ?3 order by visible_at, id limit ?4
) p
join message m on m.id = p.id;

-- name: claim_counted
select p.id, p.lane, p.claim, p.priority, p.campaign, p.epoch, p.due_at, p.visible_at, p.expires_at, p.tries, p.attempts, p.refused_since, p.claimed_by,
    m.contact, m.units, m.payload
from (
    select * from (
        select * from pending where lane = ?1 and priority = ?2 and visible_at <= ?3 and attempts > 0 order by visible_at, id limit ?4
    )
    union all
    select * from (
        select * from pending indexed by pending_claimed
        where claimed_by is not null and attempts = 0 and lane = ?1 and priority = ?2 and visible_at <= ?3 limit ?4
    )
) p
join message m on m.id = p.id;

-- name: claim_events
update event set claimed_by = ?5, claim = claim + 1, visible_at = ?4
where seq in (
    select e.seq from event e
    where e.route = ?1 and e.visible_at <= ?3 and (e.job is null or not exists (select 1 from event o where o.job = e.job and o.seq < e.seq))
    order by e.visible_at, e.seq limit ?2)
returning seq, id, route, workspace, channel, type, job, payload, created_at, claim, tries;

-- name: claim_high_lanes
select id, workspace, weight, rest, rate, log, next_due_at, next_high_at, exceeded_at, held_until, hold_reason, hold_step, refusals, hold_set_at,
    terms, day_ends_at, day_count, (select min(apply_after) from tier)
from lane
where channel = ?1 and high_ready_at <= ?2 and next_high_at < 4611686018427387904 and not workspace in (select value from json_each(?3))
order by high_ready_at limit ?4;

-- name: claim_lanes
select id, workspace, weight, rest, rate, log, next_due_at, next_high_at, exceeded_at, held_until, hold_reason, hold_step, refusals, hold_set_at,
    terms, day_ends_at, day_count, (select min(apply_after) from tier)
from lane
where channel = ?1 and ready_at <= ?2 and not workspace in (select value from json_each(?3))
order by ready_at limit ?4;

-- name: claim_messages
update pending set claimed_by = ?3, claim = claim + 1, visible_at = ?4
where id = ?1 and claim = ?2 and visible_at <= ?5
returning id;

-- name: claimed_counts
select l.workspace, l.channel, coalesce(p.campaign, 0), count(*)
from pending p indexed by pending_claimed join lane l on l.id = p.lane
where p.claimed_by is not null and p.visible_at > ?1
group by l.workspace, l.channel, coalesce(p.campaign, 0);

-- name: clear_fingerprints
update idempotency set fingerprint = '' where (workspace, key) = (select workspace, idempotency_key from message where id = ?1);

-- name: close_route
delete from event_route where workspace = ?1;

-- name: correct_dispatchers
update dispatcher set seen_at = min(seen_at, ?1), started_at = min(started_at, ?1) where seen_at > ?1 or started_at > ?1;

-- name: correct_events
update event set created_at = min(created_at, ?1), visible_at = case when created_at > ?1 or visible_at > ?2 then ?1 else visible_at end
where created_at > ?1 or visible_at > ?2;

-- name: correct_key_use
update key_use set minute = ?2 where id = ?1 and minute > ?2 + 1;

-- name: correct_key_uses
update key_use set minute = ?1 where minute > ?1;

-- name: correct_lanes
update lane set log = ?2, slot_at = ?3, held_until = ?4, hold_set_at = ?5, exceeded_at = ?6, throttled_at = ?7, watch = ?8, watched_at = ?9,
    day_ends_at = ?10, next_due_at = ?11, next_high_at = ?12
where id = ?1;

-- name: correct_leases
update pending set due_at = min(due_at, ?4), visible_at = min(visible_at, ?3) where id = ?1 and claim = ?2 and claimed_by is not null
returning lane, priority, visible_at;

-- name: correct_operations
update operation set claimed_until = ?1 where finished_at is null and claimed_until > ?1;

-- name: correct_progress
update progress set at = ?1 where at > ?1;

-- name: correct_told
update event_told set at = ?1 where at > ?1;

-- name: correct_waits
update pending set due_at = min(due_at, ?4), visible_at = min(visible_at, ?3) where id = ?1 and claim = ?2 and claimed_by is null
returning lane, priority, visible_at;

-- name: count_claimed_of_campaign
select count(*) from pending indexed by pending_claimed where claimed_by is not null and visible_at > ?2 and campaign = ?1;

-- name: count_delivered
select count(*) from (
    select 1 from result r
    join message m on m.id = r.id
    where true
    {filters}
    limit {limit}
) counted;

-- name: count_doomed
select count(*) from pending where campaign = ?1 and epoch < ?2 and (claimed_by is null or visible_at <= ?3);

-- name: count_due
select count(*) from (
    select 1 from lane l join pending p on p.lane = l.id and p.priority in (0, 1, 2) and p.visible_at <= ?2
    where l.channel = ?1 and l.next_due_at <= ?2 and (?3 = '' or l.workspace = ?3) limit ?4
) due;

-- name: count_ended
select count(*) from (
    select 1 from result r
    join message m on m.id = r.id
    where true
    {filters}
    limit {limit}
) counted;

-- name: count_held_lanes
select count(*) from lane
where hold_reason in ('unreachable', 'refused') and (?1 is null or channel = ?1) and (?2 is null or workspace = ?2);

-- name: count_jobs
select status, count(*) from (
    select coalesce(r.status, 'scheduled') as status
    from message m
    left join result r on r.id = m.id
    where true
    {filters}
    order by m.id desc limit {limit}
) counted group by status;

-- name: count_key_change
insert into key_version (one, value) values (1, 1)
on conflict (one) do update set value = key_version.value + 1;

-- name: count_pending
select count(*) from (
    select 1 from pending p
    join message m on m.id = p.id
    left join campaign c on c.id = m.campaign
    where true
    {filters}
    limit {limit}
) counted;

-- name: count_pruned
insert into total (workspace, channel, campaign, pruned_delivered, pruned_dead, pruned_cancelled) values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict (workspace, channel, campaign) do update set pruned_delivered = total.pruned_delivered + excluded.pruned_delivered,
    pruned_dead = total.pruned_dead + excluded.pruned_dead, pruned_cancelled = total.pruned_cancelled + excluded.pruned_cancelled;

-- name: count_stretches
select ?1, ?2, ?3, ?4, ?5, ?6, ?7, count(*) from (
    select 1 from pending
    where lane = ?1 and priority = ?2 and (visible_at, id) >= (?3, ?4) and (visible_at, id) < (?5, ?6)
    limit ?7);

-- name: count_visible
select count(*) from (select 1 from pending where lane = ?1 and priority in (select value from json_each(?2)) and visible_at <= ?3 limit 10000) due;

-- name: count_wave
select count(*) from (
    select 1 from lane l join pending p on p.lane = l.id and p.priority in (0, 1, 2) and p.visible_at >= ?2 and p.visible_at < ?3
    where l.channel = ?1 and l.next_due_at < ?3 and (?4 = '' or l.workspace = ?4) limit ?5
) wave;

-- name: counted_earliest
select ?1,
    nullif(min(
        coalesce((select min(visible_at) from pending where lane = ?1 and priority = 0 and attempts > 0), 4611686018427387904),
        coalesce((select min(visible_at) from pending indexed by pending_claimed
            where claimed_by is not null and attempts = 0 and lane = ?1 and priority = 0), 4611686018427387904)), 4611686018427387904),
    nullif(min(
        coalesce((select min(visible_at) from pending where lane = ?1 and priority = 1 and attempts > 0), 4611686018427387904),
        coalesce((select min(visible_at) from pending where lane = ?1 and priority = 2 and attempts > 0), 4611686018427387904),
        coalesce((select min(visible_at) from pending indexed by pending_claimed
            where claimed_by is not null and attempts = 0 and lane = ?1 and priority > 0), 4611686018427387904)), 4611686018427387904);

-- name: create_schema_migration
create table if not exists schema_migration (number integer primary key, name text not null, checksum text not null);

-- name: database_size
select page_count * page_size from pragma_page_count(), pragma_page_size();

-- name: delay_notification
update notification set visible_at = ?2 where id = ?1;

-- name: delete_alert
delete from alert where name = ?1;

-- name: delete_alert_sink
delete from alert_sink where name = ?1;

-- name: delete_channel_limit
delete from channel_limit where channel = ?1;

-- name: delete_claimed
delete from pending where id = ?1 and claim = ?2 and claimed_by = ?3
returning id, claim;

-- name: delete_events
delete from event where seq = ?1 and claim = ?2 and claimed_by = ?3;

-- name: delete_failure
delete from failure where id = ?1;

-- name: delete_notification
delete from notification where id = ?1;

-- name: delete_timed_setting
delete from timed_setting where kind = ?1 and workspace = ?2 and name = ?3;

-- name: dispatchers_ahead
select id from dispatcher where seen_at > ?1 or started_at > ?1;

-- name: doomed_campaigns
select c.id from campaign c
where c.cancel_epoch > 0 and exists (select 1 from pending p where p.campaign = c.id and p.epoch < c.cancel_epoch);

-- name: doomed_counts
select c.workspace, l.channel, c.id, count(*)
from campaign c cross join pending p cross join lane l
where c.cancel_epoch > 0 and p.campaign = c.id and p.epoch < c.cancel_epoch and (p.claimed_by is null or p.visible_at <= ?1) and l.id = p.lane
group by c.workspace, l.channel, c.id;

-- name: doomed_messages
select id from pending where lane = ?1 and priority = ?2 and visible_at <= ?3 and campaign = ?4 and epoch < ?5 order by visible_at limit 1000;

-- name: drop_bodies
update message set payload = json_remove(payload, '$.text', '$.subject', '$.html', '$.media_url'), blank = 'dropped' where id = ?1 and blank is null;

-- name: drop_events
delete from event where route = ?1;

-- name: due_notifications
select 1 from notification where visible_at <= ?1 or visible_at > ?2 limit 1;

-- name: due_routes
with recursive waiting (route) as (
    select min(route) from event
    union all
    select (select min(e.route) from event e where e.route > w.route) from waiting w where w.route is not null
)
select r.workspace, r.held_until, r.hold_reason, r.hold_step, r.refusals, r.hold_set_at
from waiting w join event_route r on r.workspace = w.route
where r.enabled <> 0 and r.held_until <= ?1 and not r.workspace in (select value from json_each(?2))
    and exists (select 1 from event e where e.route = w.route and e.visible_at <= ?1)
order by (select min(e.visible_at) from event e where e.route = w.route)
limit ?3;

-- name: end_session
delete from session where id = ?1 returning id;

-- name: end_standstills
select ?1 where false;

-- name: end_unclaimed
delete from pending
where id = ?1 and (claimed_by is null or visible_at <= ?2)
returning id, (select workspace from lane where lane.id = pending.lane), (select channel from lane where lane.id = pending.lane), campaign, due_at, tries, attempts;

-- name: ended_settings
select kind, workspace, name from timed_setting where until <= ?1 order by until limit ?2;

-- name: ensure_campaigns
insert into campaign (workspace, name) select ?1, ?2
where not exists (select 1 from campaign where workspace = ?1 and name = ?2);

-- name: ensure_lanes
insert into lane (workspace, channel, rate, weight, terms) select ?1, ?2, ?3, ?4, ?5
where not exists (select 1 from lane where workspace = ?1 and channel = ?2);

-- name: erase_attempts
update attempt set error = null where id = ?1 and error is not null;

-- name: erase_failures
update failure set fault = '' where id = ?1;

-- name: erase_messages
update message set recipient = '', payload = ?2, blank = 'erased', idempotency_key = null where id = ?1;

-- name: erase_results
update result set error = null where id = ?1 and error is not null;

-- name: event_subjects
select m.id, m.contact, c.name from message m left join campaign c on c.id = m.campaign where m.id = ?1;

-- name: events_ahead
select seq from event where created_at > ?1 or visible_at > ?2;

-- name: expire_claimed
update pending set expires_at = ?2 where id = ?1 returning id;

-- name: failure_groups
select error_group, min(status_code), max(fault), count(*), max(failed_at), max(id)
from failure where true
{filters}
group by error_group order by count(*) desc, error_group limit {limit};

-- name: failure_groups.begin
failed_at >= {};

-- name: failure_groups.campaign
campaign in (select id from campaign where name = {});

-- name: failure_groups.channel
channel = {};

-- name: failure_groups.end
failed_at < {};

-- name: failure_groups.workspace
workspace = {};

-- name: find_alert
select rule, standing from alert where name = ?1;

-- name: find_alert_sink
select settings from alert_sink where name = ?1;

-- name: find_campaign
select id, state, epoch, cancel_epoch, shift from campaign where workspace = ?1 and name = ?2;

-- name: find_campaign_start
select m.id from campaign c join message m on m.campaign = c.id
where lower(c.name) >= ?1 and lower(c.name) < ?2 limit ?3;

-- name: find_contact_start
select id from message where lower(contact) >= ?1 and lower(contact) < ?2 limit ?3;

-- name: find_delivered
select id, finished_at, status from result where finished_at >= ?1 and (finished_at > ?1 or id > ?2) and finished_at < ?3 order by finished_at, id limit ?4;

-- name: find_doomed
select id from pending where campaign = ?1 and epoch < ?2 and (claimed_by is null or visible_at <= ?3) limit ?4;

-- name: find_expired
select id from pending where expires_at <= ?1 and (claimed_by is null or visible_at <= ?1) order by expires_at limit ?2;

-- name: find_finished
select id from result where finished_at < ?1 and status <> 'scheduled' order by finished_at limit ?2;

-- name: find_id_start
select id from message where id >= ?1 and id <= ?2 order by id desc limit ?3;

-- name: find_idempotency
select i.workspace, i.key, i.fingerprint, i.id, coalesce(p.due_at, r.due_at)
from idempotency i left join pending p on p.id = i.id left join result r on r.id = i.id
where i.workspace = ?1 and i.key = ?2;

-- name: find_jobs
select m.id, m.workspace, m.channel, m.contact, c.name, m.priority, m.created_at, m.expires_at, m.idempotency_key, m.payload, m.units,
    p.lane, p.due_at, p.visible_at, p.claimed_by, p.tries, p.attempts, p.epoch,
    c.state, c.epoch, c.cancel_epoch, c.cancelled_at, c.shift,
    l.paused, s.paused, l.held_until, l.rate, l.slot_at, l.terms, l.day_ends_at, l.day_count,
    case when l.id is not null then (select min(o.ready_at) from lane o where o.channel = m.channel) < l.ready_at end,
    r.status, r.reason, r.due_at, r.finished_at, r.tries, r.attempts, r.error,
    (select a.error from attempt a where a.id = m.id order by a.number desc limit 1)
from message m
left join pending p on p.id = m.id
left join result r on r.id = m.id
left join campaign c on c.id = m.campaign
left join lane l on l.id = p.lane
left join limit_state s on s.channel = m.channel
where m.id in (select value from json_each(?1));

-- name: find_key
select id from idempotency where key = ?1 limit ?2;

-- name: find_of_contact
select id, recipient from message
where lower(contact) = lower(?1) and contact = ?1 and workspace = ?2 and coalesce(blank, '') <> 'erased' limit ?3;

-- name: find_operation
select id, workspace, action, actor, request, matched, done, skipped, position, state, error, created_at, finished_at from operation where id = ?1;

-- name: find_recipient_start
select id from message where recipient >= ?1 and recipient < ?2 limit ?3;

-- name: find_schema
select name from sqlite_schema where name = 'schema_migration';

-- name: find_server
select system, timeline, former from server;

-- name: find_session
select id, kind, name, workspace, key_id, proof, address, created_at, expires_at, recipients_until from session where digest = ?1 and expires_at > ?2;

-- name: find_tier
select settings from tier where name = ?1;

-- name: find_workspace
select settings from workspace where id = ?1;

-- name: finish_audit
update audit set outcome = ?2, workspace = coalesce(?3, workspace), old_value = ?4, new_value = ?5, contact = ?6 where id = ?1;

-- name: finish_operation
update operation set state = ?2, error = ?3, finished_at = ?4 where id = ?1 and finished_at is null returning id;

-- name: first_ready
select nullif(min(
    coalesce((select ready_at from lane where channel = ?1 and not workspace in (select value from json_each(?2)) order by ready_at limit 1), 4611686018427387904),
    coalesce((select high_ready_at from lane where channel = ?1 and next_high_at < 4611686018427387904 and not workspace in (select value from json_each(?2))
        order by high_ready_at limit 1), 4611686018427387904)), 4611686018427387904);

-- name: folded_figures
select channel, since, delivered, dead, exceeded, batches, batch_time, minute, ended, first_at, last_at from figure where workspace = ?1;

-- name: forget_audit
update audit set subject = '', detail = null, old_value = null, new_value = null, contact = null
where contact = ?2 and workspace = ?1;

-- name: forget_dispatcher
delete from dispatcher where id = ?1;

-- name: forget_dispatchers
delete from dispatcher where seen_at < ?1;

-- name: forget_keys
delete from idempotency where (workspace, key) = (select workspace, idempotency_key from message where id = ?1);

-- name: gate_lanes
select id, rate, paused, held_until, terms from lane where id in (select value from json_each(?1));

-- name: held_back_lanes
select id from lane
where next_due_at < 4611686018427387903
    and (slot_at > ?1 or (day_ends_at > ?1 and day_count > 0 and next_due_at > ?1))
order by id;

-- name: held_lanes
select id from lane where id = ?1 and (hold_reason is not null or refusals <> 0);

-- name: histograms
select kind, channel, sum(sum), sum(c0), sum(c1), sum(c2), sum(c3), sum(c4), sum(c5), sum(c6), sum(c7), sum(c8), sum(c9), sum(c10), sum(c11), sum(c12), sum(c13) from histogram group by kind, channel;

-- name: hold_alert_watch
insert into alert_watch (one, holder, held_until) values (1, ?1, ?3)
on conflict (one) do update set holder = excluded.holder, held_until = excluded.held_until
where alert_watch.holder = ?1 or alert_watch.held_until <= ?2 or alert_watch.held_until > ?4
returning one;

-- name: hold_at_fault
update lane set held_until = ?2, hold_reason = ?3, hold_set_at = ?4 where id = ?1;

-- name: identify_server
;

-- name: identify_session
;

-- name: immediate_ahead
select p.id, p.claim from message m join pending p on p.id = m.id
where m.id >= ?2 and m.created_at > ?1 and p.due_at <= m.created_at and p.visible_at = p.due_at and p.due_at > ?1 and p.claimed_by is null
union all
select p.id, p.claim from result r join pending p on p.id = r.id
where r.finished_at > ?1 and r.status = 'scheduled' and p.due_at <= r.finished_at and p.visible_at = p.due_at and p.due_at > ?1
    and p.claimed_by is null;

-- name: insert_adjustments
insert into adjustment (workspace, channel, at, from_rate, to_rate, reason) values (?1, ?2, ?3, ?4, ?5, ?6);

-- name: insert_attempts
insert into attempt (id, number, outcome, started_at, duration, status_code, error) values (?1, ?2, ?3, ?4, ?5, ?6,
    case when ?7 is null or exists (select 1 from message where id = ?1 and blank = 'erased') then null else ?7 end)
on conflict do nothing;

-- name: insert_audit
insert into audit (at, actor, workspace, action, subject, detail, via) values (?1, ?2, ?3, ?4, ?5, ?6, ?7) returning id;

-- name: insert_events
insert into event (id, route, workspace, channel, type, job, payload, created_at, visible_at)
select ?1, r.workspace, ?2, ?3, ?4, ?5, ?6, ?7, ?7
from event_route r
where r.enabled <> 0 and r.workspace = coalesce((select o.workspace from event_route o where o.workspace = ?2), '');

-- name: insert_exceedances
insert into exceedance (workspace, channel, at, batch_size, message, kind, waits_until) values (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: insert_idempotency
insert into idempotency (workspace, key, fingerprint, id) values (?1, ?2, ?3, ?4)
on conflict do nothing
returning workspace, key;

-- name: insert_key
insert into api_key (id, digest, workspace, scopes, per_minute, created_at, expires_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: insert_messages
insert into message (id, workspace, channel, contact, campaign, recipient, priority, created_at, expires_at, idempotency_key, payload, units)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);

-- name: insert_metadata
insert into message_metadata (path, value, id) values (?1, ?2, ?3) on conflict do nothing;

-- name: insert_notification
insert into notification (id, sink, body, created_at, visible_at) values (?1, ?2, ?3, ?4, ?4);

-- name: insert_operation
insert into operation (id, workspace, action, actor, request, matched, created_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- name: insert_pending
insert into pending (id, lane, priority, campaign, epoch, due_at, visible_at, expires_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7);

-- name: insert_results
insert into result (id, workspace, channel, campaign, status, reason, due_at, tries, attempts, outcome, started_at, duration, status_code, error, seq, finished_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
    case when ?14 is null or exists (select 1 from message where id = ?1 and blank = 'erased') then null else ?14 end, ?15, ?16)
on conflict (id) do update set status = excluded.status, reason = excluded.reason, due_at = excluded.due_at, finished_at = excluded.finished_at,
    tries = excluded.tries, attempts = excluded.attempts, outcome = excluded.outcome, started_at = excluded.started_at, duration = excluded.duration,
    status_code = excluded.status_code, error = excluded.error, seq = excluded.seq;

-- name: insert_session
insert into session (id, digest, kind, name, workspace, key_id, proof, address, created_at, expires_at, recipients_until)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11);

-- name: keep_answers
insert into answer (id, number, body, cut) values (?1, ?2, ?3, ?4)
on conflict (id) do update set number = excluded.number, body = excluded.body, cut = excluded.cut;

-- name: keep_failures
insert into failure (id, error_group, status_code, fault, workspace, channel, campaign, failed_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
on conflict (id) do update set error_group = excluded.error_group, status_code = excluded.status_code, fault = excluded.fault, failed_at = excluded.failed_at;

-- name: keep_feed_secret
insert into feed_secret (one, secret) values (1, ?1) on conflict (one) do nothing;

-- name: key_used
select used from key_use where id = ?1 and minute >= ?2;

-- name: key_uses_ahead
select id from key_use where minute > ?1;

-- name: key_version
select value from key_version;

-- name: lane_earliest
select ?1,
    (select min(visible_at) from pending where lane = ?1 and priority = 0),
    nullif(min(
        coalesce((select min(visible_at) from pending where lane = ?1 and priority = 1), 4611686018427387904),
        coalesce((select min(visible_at) from pending where lane = ?1 and priority = 2), 4611686018427387904)), 4611686018427387904);

-- name: lane_ends
select ?1, visible_at, id from (
    select visible_at, id from pending where lane = ?1 and priority = ?2 and visible_at < 4611686018427387903 order by visible_at, id limit 1)
union all
select ?1, visible_at, id from (
    select visible_at, id from pending where lane = ?1 and priority = ?2 and visible_at < 4611686018427387903 order by visible_at desc, id desc limit 1);

-- name: lane_holds
select l.channel, l.terms, l.paused, s.paused, l.held_until, l.hold_reason, l.day_ends_at, l.day_count
from lane l join limit_state s on s.channel = l.channel
where l.workspace = ?1 order by l.channel;

-- name: lane_ids
select id, workspace, channel from lane where workspace = ?1 and channel = ?2;

-- name: lane_loads
with counted as (
    select workspace, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as waiting
    from total where campaign = 0 and workspace <> '' and channel = ?1 and (?2 is null or workspace in (select value from json_each(?2)))
    union all
    select workspace, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled from tally
    where channel = ?1 and (?2 is null or workspace in (select value from json_each(?2)))
)
select l.id, l.workspace, l.rate, l.weight, l.terms, l.held_until, l.paused, coalesce(c.waiting, 0), l.day_ends_at, l.day_count
from lane l left join (select workspace, sum(waiting) as waiting from counted group by workspace) c on c.workspace = l.workspace
where l.channel = ?1 and (l.workspace in (select value from json_each(?2)) or (?2 is null and c.waiting > 0))
order by 8 desc, 1;

-- name: lane_of
select p.lane from pending p where p.id = ?1;

-- name: lane_outcomes
select coalesce(sum(delivered), 0), coalesce(sum(delivered + dead + retried), 0)
from (
    select delivered, dead, retried from total where workspace = ?1 and channel = ?2 and campaign = 0
    union all
    select delivered, dead, retried from tally where workspace = ?1 and channel = ?2
) counted;

-- name: lane_spans
select ?1, ?2, count(*), cast(avg(visible_at) as integer) from (
    select visible_at from pending
    where lane = ?1 and priority = ?3 and visible_at > ?4 and visible_at <= ?5
    order by visible_at limit ?6)
having count(*) > 0;

-- name: lane_tenants
select l.id, l.workspace, l.channel, l.rate, l.log, l.terms, l.watch, l.next_due_at, l.throttled_at, w.settings
from lane l left join workspace w on w.id = l.workspace
where l.id in (select value from json_each(?1));

-- name: lane_units
select p.lane, m.units
from (select lane, id from pending where lane = ?1 order by priority, visible_at, id limit ?2) p join message m on m.id = p.id;

-- name: lane_use
select channel, log, exceeded_at from lane where workspace = ?1;

-- name: lane_watches
select channel, watch from lane where workspace = ?1;

-- name: lane_waves
select p.lane, max(p.visible_at), count(*)
from lane l join pending p on p.lane = l.id
where l.channel = ?1 and (?3 is null or l.workspace in (select value from json_each(?3))) and p.visible_at < 4611686018427387903
    and p.id not in (select id from pending where claimed_by is not null and visible_at > ?2)
group by p.lane, max(p.visible_at, ?2) / 1000000;

-- name: lanes_ahead
select l.id, l.workspace, l.channel, l.rate, l.log, l.slot_at, l.held_until, l.hold_reason, l.hold_step, l.refusals, l.hold_set_at,
    l.exceeded_at, l.throttled_at, l.watch, l.watched_at, l.terms, l.day_ends_at, l.day_count, l.next_due_at, l.next_high_at,
    (select min(visible_at) from pending where lane = l.id and priority = 0),
    (select min(visible_at) from pending where lane = l.id and priority = 1),
    (select min(visible_at) from pending where lane = l.id and priority = 2)
from lane l
where l.id > ?1 and (
    l.slot_at > ?2 or l.held_until > ?2 or l.hold_set_at > ?2 or l.exceeded_at > ?2 or l.throttled_at > ?2 or l.watched_at > ?2
    or l.day_ends_at > ?3
    or (l.next_due_at > ?2 and (
        exists (select 1 from pending where lane = l.id and priority = 0 and visible_at <= ?2)
        or exists (select 1 from pending where lane = l.id and priority = 1 and visible_at <= ?2)
        or exists (select 1 from pending where lane = l.id and priority = 2 and visible_at <= ?2)))
    or (l.next_high_at > ?2 and exists (select 1 from pending where lane = l.id and priority = 0 and visible_at <= ?2)))
order by l.id limit ?4;

-- name: lease_notification
update notification set visible_at = ?2, tries = tries + 1 where id = ?1;

-- name: leases_ahead
select id, claim from pending where claimed_by is not null and (visible_at > ?2 or due_at > ?1) and visible_at < 4611686018427387903;

-- name: lift_hold
update lane set held_until = 0, hold_reason = null, hold_step = 0, refusals = 0, hold_set_at = ?3
where workspace = ?1 and channel = ?2 and hold_reason is not null
returning id;

-- name: list_operations
select id, workspace, action, actor, request, matched, done, skipped, position, state, error, created_at, finished_at
from operation where (?1 = '' or workspace = ?1) and id < ?3 order by id desc limit ?2;

-- name: list_sessions
select id, kind, name, workspace, key_id, proof, address, created_at, expires_at, recipients_until from session where expires_at > ?1 order by created_at desc, id desc limit ?2;

-- name: live_dispatchers
select id, name, started_at, seen_at, claimed, lag from dispatcher order by id;

-- name: lock_alert
select rule, standing from alert where name = ?1;

-- name: lock_alert_sink
select settings from alert_sink where name = ?1;

-- name: lock_alerts
select name, rule, standing from alert order by name;

-- name: lock_busy_campaign
select id, state, epoch, cancel_epoch, shift, resume_to, cancelled_at from campaign where busy <> 0 and id > ?1 order by id limit 1;

-- name: lock_campaign
select id, state, epoch, cancel_epoch, shift from campaign where workspace = ?1 and name = ?2;

-- name: lock_changed_tier
select name, apply_after from tier where apply_after is not null order by name limit 1;

-- name: lock_due_routes
with recursive waiting (route) as (
    select min(route) from event
    union all
    select (select min(e.route) from event e where e.route > w.route) from waiting w where w.route is not null
)
select r.workspace, r.held_until, r.hold_reason, r.hold_step, r.refusals, r.hold_set_at
from waiting w join event_route r on r.workspace = w.route
where r.enabled <> 0 and r.held_until <= ?1 and not r.workspace in (select value from json_each(?2))
    and exists (select 1 from event e where e.route = w.route and e.visible_at <= ?1)
order by (select min(e.visible_at) from event e where e.route = w.route)
limit ?3;

-- name: lock_holds
select id, workspace, channel, rate, exceeded_at, held_until, hold_reason, hold_step, refusals, hold_set_at, throttled_at from lane where id = ?1;

-- name: lock_lane_logs
select id, rate, log from lane where id in (select value from json_each(?1)) order by id;

-- name: lock_lanes
;

-- name: lock_limit
select log, paused from limit_state where channel = ?1;

-- name: lock_notifications
select n.id, n.sink, n.body, n.created_at, n.tries, s.settings
from notification n left join alert_sink s on s.name = n.sink
where n.visible_at <= ?1 or n.visible_at > ?2
order by n.visible_at limit ?3;

-- name: lock_result
select status, attempts, outcome, started_at, duration, status_code, error from result where id = ?1;

-- name: lock_routes
select workspace, held_until, hold_reason, hold_step, refusals, hold_set_at
from event_route where workspace in (select value from json_each(?1)) order by workspace;

-- name: lock_schema
select 1;

-- name: lock_tier
insert into tier (name, settings) values (?1, ?2)
on conflict (name) do update set settings = tier.settings
returning settings;

-- name: lock_timed_setting
select until, reason, former from timed_setting where kind = ?1 and workspace = ?2 and name = ?3;

-- name: lock_workspace
insert into workspace (id, settings) values (?1, ?2)
on conflict (id) do update set settings = workspace.settings
returning settings;

-- name: lower_lanes
update lane set next_due_at = min(next_due_at, ?2), next_high_at = min(next_high_at, ?3)
where id = ?1 and (next_due_at > ?2 or next_high_at > ?3);

-- name: newest_exceedances
select workspace, channel, at, batch_size, message from exceedance
where workspace = ?1 and channel = ?2 and at > ?3 order by at desc limit ?4;

-- name: next_changes
update change_seq set value = value + ?1 returning value;

-- name: next_due
select min(at) from (
    select (select min(p.visible_at) from pending p where p.lane = l.id and p.priority = u.priority and p.visible_at > ?2) as at
    from (select id from lane where channel = ?1 and next_due_at < 4611686018427387903 and (?3 = '' or workspace = ?3) order by next_due_at limit 2000) l,
        (select 0 as priority union all select 1 union all select 2) u
) soonest where at < 4611686018427387903;

-- name: next_lanes
select l.id, l.workspace, w.settings
from (select id, workspace from lane where id > ?1 order by id limit ?2) l left join workspace w on w.id = l.workspace
order by l.id;

-- name: next_of_campaign
select m.id from message m where m.campaign = (select campaign from message where id = ?1) and m.id > ?1 order by m.id limit 1;

-- name: note_told
insert into event_told (workspace, subject, at) values (?1, ?2, ?3)
on conflict (workspace, subject) do update set at = excluded.at where event_told.at <= ?4
returning workspace, subject;

-- name: notify
select ?1;

-- name: oldest_due
select min(at) from (
    select (select min(p.visible_at) from pending p where p.lane = l.id and p.priority = u.priority) as at
    from (select id from lane where channel = ?1 and next_due_at <= ?2 and (?3 = '' or workspace = ?3) order by next_due_at limit 1000) l,
        (select 0 as priority union all select 1 union all select 2) u
) oldest;

-- name: oldest_waiting
select l.channel, min((select min(p.visible_at) from pending p where p.lane = l.id and p.priority = each.priority))
from lane l cross join (select 0 as priority union all select 1 union all select 2) each
where l.next_due_at <= ?1 group by l.channel;

-- name: open_route
insert into event_route (workspace, enabled) values (?1, ?2)
on conflict (workspace) do update set enabled = excluded.enabled, held_until = 0, hold_reason = null, hold_step = 0, refusals = 0, hold_set_at = 0;

-- name: operation_requests
select id, request from operation where workspace = ?1 or workspace is null order by id;

-- name: operations_ahead
select id from operation where finished_at is null and claimed_until > ?1;

-- name: park_messages
update pending set visible_at = 4611686018427387903, claimed_by = null
where id in (
    select id from pending where lane = ?1 and priority = ?2 and visible_at <= ?3 and campaign = ?4 order by visible_at limit 1000);

-- name: pause_campaign
update campaign set state = case when state = 'shifting' then state else 'paused' end, resume_to = 'paused' where id = ?1;

-- name: pause_channel
update limit_state set paused = ?2 where channel = ?1;

-- name: pending_places
select p.id, l.workspace, p.lane, p.priority, p.visible_at from pending p join lane l on l.id = p.lane where p.id in (select value from json_each(?1));

-- name: plan_whole_tables
select 1;

-- name: progress_ahead
select chore from progress where at > ?1;

-- name: progress_of
select at, id from progress where chore = ?1;

-- name: prune_adjustments
delete from adjustment where rowid in (select rowid from adjustment where at < ?1 limit ?2) returning at;

-- name: prune_answers
delete from answer where id = ?1;

-- name: prune_attempts
delete from attempt where id = ?1;

-- name: prune_audit
delete from audit where id in (select id from audit where at < ?1 order by id limit ?2);

-- name: prune_events
delete from event where seq in (select seq from event where created_at < ?1 order by created_at limit ?2)
returning seq;

-- name: prune_exceedances
delete from exceedance where rowid in (select rowid from exceedance where at < ?1 limit ?2) returning at;

-- name: prune_failures
delete from failure where id = ?1;

-- name: prune_idempotency
delete from idempotency where workspace = ?1 and key = ?2 and id = ?3;

-- name: prune_limit_changes
delete from limit_change where rowid in (select rowid from limit_change where at < ?1 limit ?2) returning at;

-- name: prune_messages
delete from message where id = ?1 returning workspace, idempotency_key, id;

-- name: prune_metadata
delete from message_metadata where id = ?1;

-- name: prune_operations
delete from operation where id in (select id from operation where finished_at < ?1 order by id limit ?2);

-- name: prune_results
delete from result where id = ?1 and status <> 'scheduled' returning id, workspace, channel, campaign, status;

-- name: prune_sessions
delete from session where expires_at <= ?1;

-- name: prune_told
delete from event_told where (workspace, subject) in (select workspace, subject from event_told where at < ?1 limit ?2) returning at;

-- name: raise_timeline
update server set timeline = ?2 where system = ?1 and timeline < ?2;

-- name: read_channel
select paused from limit_state where channel = ?1;

-- name: read_clock
select cast((julianday('now') - 2440587.5) * 86400000000 as integer);

-- name: read_feed_secret
select secret from feed_secret;

-- name: read_history
select minute - minute % ?4, sum(sent), sum(failed), sum(exceeded), sum(lateness), sum(starts)
from (
    select minute, sent, failed, exceeded, lateness, starts from history
    where workspace = ?1 and channel in (select value from json_each(?5)) and span in (1, 60, 1440) and minute >= ?2 and minute < ?3
    union all
    select minute, delivered, dead, exceeded, lateness, starts from tally
    where minute >= ?2 and minute < ?3 and channel in (select value from json_each(?5)) and (?1 = '' or workspace = ?1)
) rollup group by 1 order by 1;

-- name: read_limit
select log, paused from limit_state where channel = ?1;

-- name: recent_answers
select r.id, r.channel, r.outcome, r.started_at, r.duration, r.status_code, r.error
from (select id, workspace, channel, outcome, started_at, duration, status_code, error, finished_at from result order by finished_at desc limit 2000) r
where r.workspace = ?1 and r.outcome is not null
order by r.finished_at desc limit ?2;

-- name: recent_campaigns
select id, workspace, name, state from campaign where true
{filters}
order by id desc limit {limit};

-- name: recent_campaigns.before
id < {};

-- name: recent_campaigns.name
name = {};

-- name: recent_campaigns.state
state = {};

-- name: recent_campaigns.workspace
workspace = {};

-- name: recent_durations
select workspace, cast(avg(duration) as integer)
from (select workspace, channel, duration from result where duration is not null order by seq desc limit ?2)
where channel = ?1 group by workspace;

-- name: recent_exceedances
select count(*) from exceedance
where at > ?1 and (?2 is null or channel = ?2) and (?3 is null or workspace = ?3);

-- name: record_migration
insert into schema_migration (number, name, checksum) values (?1, ?2, ?3);

-- name: register_dispatcher
insert into dispatcher (name, started_at, seen_at) values (?1, ?2, ?2) returning id;

-- name: release_claimed
update pending set visible_at = ?3, claimed_by = null where id = ?1 and claim = ?2 and claimed_by = ?4
returning id;

-- name: renew_leases
update pending set visible_at = ?4 where id = ?1 and claim = ?2 and claimed_by = ?3
returning id, claim;

-- name: reroute_events
update event set route = ?2 where route = ?1 and exists (select 1 from event_route r where r.workspace = ?2 and r.enabled <> 0);

-- name: reschedule_pending
update pending set due_at = ?2, visible_at = ?2, claimed_by = null,
    epoch = coalesce((select c.epoch from campaign c where c.id = pending.campaign), epoch)
where id = ?1 and (claimed_by is null or visible_at <= ?3)
    and epoch >= coalesce((select c.cancel_epoch from campaign c where c.id = pending.campaign), 0)
returning lane, priority;

-- name: reset_baseline
insert into baseline (workspace, channel, at)
select ?1, ?2, max(?3, coalesce((select max(at) + 1 from baseline where channel = ?2 and (?1 = '' or workspace in ('', ?1))), 0)) where true
on conflict (workspace, channel) do update set at = excluded.at;

-- name: resume_campaign
update campaign set state = case when state in ('shifting', 'cancelled') then state else 'active' end, resume_to = 'active', busy = 1 where id = ?1;

-- name: retries_ahead
select p.id, p.claim, p.attempts, p.visible_at, coalesce((select max(a.started_at) from attempt a where a.id = p.id), 0)
from pending p
where p.claimed_by is null and p.visible_at > ?1 and p.visible_at <> p.due_at and p.visible_at < 4611686018427387903
    and (p.due_at <= ?1 or exists (select 1 from message m where m.id = p.id and m.created_at > ?1 and p.due_at <= m.created_at));

-- name: retry_events
update event set visible_at = ?3, tries = tries + 1, claimed_by = null where seq = ?1 and claim = ?2 and claimed_by = ?4;

-- name: return_to_day
update lane set day_count = max(0, day_count - ?2) where id = ?1 and day_ends_at = ?3;

-- name: revive_pending
insert into pending (id, lane, priority, campaign, epoch, due_at, visible_at, expires_at, attempts, claim)
select m.id, l.id, m.priority, m.campaign, coalesce(c.epoch, 0), ?2, ?2, m.expires_at, ?3, (?2 - 1500000000000000) / 1000000
from message m join lane l on l.workspace = m.workspace and l.channel = m.channel left join campaign c on c.id = m.campaign
where m.id = ?1
returning lane;

-- name: revive_result
update result set status = 'scheduled', reason = null, due_at = ?2, outcome = null, error = null, seq = ?3 where id = ?1;

-- name: revoke_key
update api_key set revoked_at = ?2 where id = ?1 and revoked_at is null
returning id, digest, workspace, scopes, per_minute, created_at, expires_at;

-- name: routes_ahead
select workspace, held_until, hold_reason, hold_step, refusals, hold_set_at from event_route where held_until > ?1 or hold_set_at > ?1 order by workspace;

-- name: save_alert
insert into alert (name, rule, standing) values (?1, ?2, ?3)
on conflict (name) do update set rule = excluded.rule, standing = excluded.standing;

-- name: save_alert_sink
insert into alert_sink (name, settings) values (?1, ?2)
on conflict (name) do update set settings = excluded.settings;

-- name: save_applied
update tier set apply_after = ?2 where name = ?1;

-- name: save_campaign
update campaign set state = ?2, busy = ?3 where id = ?1;

-- name: save_channel_limit
insert into channel_limit (channel, rate) values (?1, ?2)
on conflict (channel) do update set rate = excluded.rate;

-- name: save_holds
update lane set held_until = ?2, hold_reason = ?3, hold_step = ?4, refusals = ?5, hold_set_at = ?6, exceeded_at = ?7, throttled_at = ?8
where id = ?1;

-- name: save_lane_logs
update lane set log = ?2, slot_at = ?3 where id = ?1;

-- name: save_lane_terms
update lane set rate = ?2, weight = ?3, paused = ?4, terms = ?5, slot_at = ?6, next_due_at = min(next_due_at, ?7), next_high_at = min(next_high_at, ?7)
where id = ?1;

-- name: save_lanes
update lane set next_due_at = ?2, next_high_at = ?3, slot_at = ?4, rest = ?5, log = ?6, exceeded_at = ?7, held_until = ?8,
    day_ends_at = ?9, day_count = ?10
where id = ?1;

-- name: save_limit
update limit_state set log = ?2 where channel = ?1;

-- name: save_progress
update progress set at = ?2, id = ?3 where chore = ?1;

-- name: save_routes
update event_route set held_until = ?2, hold_reason = ?3, hold_step = ?4, refusals = ?5, hold_set_at = ?6 where workspace = ?1;

-- name: save_server
insert into server (id, system, timeline, former) values (1, ?1, ?2, ?3)
on conflict (id) do update set system = excluded.system, timeline = excluded.timeline, former = excluded.former;

-- name: save_standing
update alert set standing = ?2 where name = ?1;

-- name: save_tier
update tier set settings = ?2, apply_after = 0 where name = ?1;

-- name: save_timed_setting
insert into timed_setting (kind, workspace, name, until, reason, former) values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict (kind, workspace, name) do update set until = excluded.until, reason = excluded.reason, former = excluded.former;

-- name: save_watches
update lane set rate = ?2, slot_at = ?3, watch = ?4, watched_at = ?5 where id = ?1;

-- name: save_workspace
update workspace set settings = ?2 where id = ?1;

-- name: schedule_again
update pending set visible_at = ?3, tries = ?4, attempts = ?5, refused_since = ?6, claimed_by = null
where id = ?1 and claim = ?2 and claimed_by = ?7
returning id, claim;

-- name: search_audit
select id, at, actor, workspace, action, subject, detail, outcome, via, old_value, new_value from audit where true
{filters}
order by id desc limit {limit};

-- name: search_audit.action
action = {};

-- name: search_audit.actor
actor = {};

-- name: search_audit.before
id < {};

-- name: search_audit.begin
at >= {};

-- name: search_audit.end
at < {};

-- name: search_audit.workspace
workspace = {};

-- name: search_delivered
select m.id, m.workspace, m.channel, m.contact, c.name, m.priority, m.created_at, m.expires_at, m.idempotency_key, m.payload, m.units,
    p.lane, p.due_at, p.visible_at, p.claimed_by, p.tries, p.attempts, p.epoch,
    c.state, c.epoch, c.cancel_epoch, c.cancelled_at, c.shift,
    l.paused, s.paused, l.held_until, l.rate, l.slot_at, l.terms, l.day_ends_at, l.day_count,
    case when l.id is not null then (select min(o.ready_at) from lane o where o.channel = m.channel) < l.ready_at end,
    r.status, r.reason, r.due_at, r.finished_at, r.tries, r.attempts, r.error,
    (select a.error from attempt a where a.id = m.id order by a.number desc limit 1)
from result r
join message m on m.id = r.id
left join pending p on p.id = r.id
left join campaign c on c.id = m.campaign
left join lane l on l.id = p.lane
left join limit_state s on s.channel = m.channel
where true
{filters}
order by r.id desc limit {limit};

-- name: search_delivered.before_id
r.id < {};

-- name: search_delivered.channel
+m.channel = {};

-- name: search_delivered.delivered
r.status = {};

-- name: search_delivered.from_id
r.id >= {};

-- name: search_delivered.to_id
r.id < {};

-- name: search_ended
select m.id, m.workspace, m.channel, m.contact, c.name, m.priority, m.created_at, m.expires_at, m.idempotency_key, m.payload, m.units,
    p.lane, p.due_at, p.visible_at, p.claimed_by, p.tries, p.attempts, p.epoch,
    c.state, c.epoch, c.cancel_epoch, c.cancelled_at, c.shift,
    l.paused, s.paused, l.held_until, l.rate, l.slot_at, l.terms, l.day_ends_at, l.day_count,
    case when l.id is not null then (select min(o.ready_at) from lane o where o.channel = m.channel) < l.ready_at end,
    r.status, r.reason, r.due_at, r.finished_at, r.tries, r.attempts, r.error,
    (select a.error from attempt a where a.id = m.id order by a.number desc limit 1)
from result r
join message m on m.id = r.id
left join pending p on p.id = r.id
left join campaign c on c.id = m.campaign
left join lane l on l.id = p.lane
left join limit_state s on s.channel = m.channel
where true
{filters}
order by r.id desc limit {limit};

-- name: search_ended.before_id
r.id < {};

-- name: search_ended.beginning
(substr(m.recipient, 1, length({})) = {} or substr(lower(m.contact), 1, length({})) = {}
    or m.campaign in (select id from campaign where substr(lower(name), 1, length({})) = {})
    or substr(r.id, 1, length({})) = {});

-- name: search_ended.campaign
m.campaign in (select id from campaign where name = {});

-- name: search_ended.channel
+m.channel = {};

-- name: search_ended.contact
lower(m.contact) = lower({}) and m.contact = {};

-- name: search_ended.error_group
r.id in (select id from failure where error_group = {});

-- name: search_ended.from_id
r.id >= {};

-- name: search_ended.ids
r.id in (select value from json_each({}));

-- name: search_ended.indexed
r.id in (select id from message_metadata where path = json_extract({}, '$.path') and value = json_extract({}, '$.value'));

-- name: search_ended.metadata
case json_type(m.payload, '$.metadata.' || json_extract({}, '$.path')) when 'true' then 'true' when 'false' then 'false'
    else cast(json_extract(m.payload, '$.metadata.' || json_extract({}, '$.path')) as text) end = json_extract({}, '$.value');

-- name: search_ended.recipient
m.recipient = {};

-- name: search_ended.to_id
r.id < {};

-- name: search_ended.unsent
r.status in ('dead', 'cancelled') and r.status = {};

-- name: search_ended.workspace
m.workspace = {};

-- name: search_jobs
select m.id, m.workspace, m.channel, m.contact, c.name, m.priority, m.created_at, m.expires_at, m.idempotency_key, m.payload, m.units,
    p.lane, p.due_at, p.visible_at, p.claimed_by, p.tries, p.attempts, p.epoch,
    c.state, c.epoch, c.cancel_epoch, c.cancelled_at, c.shift,
    l.paused, s.paused, l.held_until, l.rate, l.slot_at, l.terms, l.day_ends_at, l.day_count,
    case when l.id is not null then (select min(o.ready_at) from lane o where o.channel = m.channel) < l.ready_at end,
    r.status, r.reason, r.due_at, r.finished_at, r.tries, r.attempts, r.error,
    (select a.error from attempt a where a.id = m.id order by a.number desc limit 1)
from message m
left join pending p on p.id = m.id
left join result r on r.id = m.id
left join campaign c on c.id = m.campaign
left join lane l on l.id = p.lane
left join limit_state s on s.channel = m.channel
where true
{filters}
order by m.id desc limit {limit};

-- name: search_jobs.before_id
m.id < {};

-- name: search_jobs.beginning
(substr(m.recipient, 1, length({})) = {} or substr(lower(m.contact), 1, length({})) = {}
    or m.campaign in (select id from campaign where substr(lower(name), 1, length({})) = {})
    or substr(m.id, 1, length({})) = {});

-- name: search_jobs.campaign
m.campaign in (select id from campaign where name = {});

-- name: search_jobs.channel
+m.channel = {};

-- name: search_jobs.channel_alone
m.channel = {};

-- name: search_jobs.claimed
p.id in (select id from pending indexed by pending_claimed where claimed_by is not null and visible_at > {});

-- name: search_jobs.contact
lower(m.contact) = lower({}) and m.contact = {};

-- name: search_jobs.delivered
r.status = {};

-- name: search_jobs.error_group
m.id in (select id from failure where error_group = {});

-- name: search_jobs.from_id
m.id >= {};

-- name: search_jobs.ids
m.id in (select value from json_each({}));

-- name: search_jobs.indexed
m.id in (select id from message_metadata where path = json_extract({}, '$.path') and value = json_extract({}, '$.value'));

-- name: search_jobs.metadata
case json_type(m.payload, '$.metadata.' || json_extract({}, '$.path')) when 'true' then 'true' when 'false' then 'false'
    else cast(json_extract(m.payload, '$.metadata.' || json_extract({}, '$.path')) as text) end = json_extract({}, '$.value');

-- name: search_jobs.recipient
m.recipient = {};

-- name: search_jobs.scheduled
p.id is not null and (p.claimed_by is null or p.visible_at <= {}) and p.epoch >= coalesce(c.cancel_epoch, 0);

-- name: search_jobs.to_id
m.id < {};

-- name: search_jobs.workspace
m.workspace = {};

-- name: search_pending
select m.id, m.workspace, m.channel, m.contact, c.name, m.priority, m.created_at, m.expires_at, m.idempotency_key, m.payload, m.units,
    p.lane, p.due_at, p.visible_at, p.claimed_by, p.tries, p.attempts, p.epoch,
    c.state, c.epoch, c.cancel_epoch, c.cancelled_at, c.shift,
    l.paused, s.paused, l.held_until, l.rate, l.slot_at, l.terms, l.day_ends_at, l.day_count,
    case when l.id is not null then (select min(o.ready_at) from lane o where o.channel = m.channel) < l.ready_at end,
    r.status, r.reason, r.due_at, r.finished_at, r.tries, r.attempts, r.error,
    (select a.error from attempt a where a.id = m.id order by a.number desc limit 1)
from pending p
join message m on m.id = p.id
left join result r on r.id = p.id
left join campaign c on c.id = m.campaign
left join lane l on l.id = p.lane
left join limit_state s on s.channel = m.channel
where true
{filters}
order by p.id desc limit {limit};

-- name: search_pending.before_id
p.id < {};

-- name: search_pending.beginning
(substr(m.recipient, 1, length({})) = {} or substr(lower(m.contact), 1, length({})) = {}
    or m.campaign in (select id from campaign where substr(lower(name), 1, length({})) = {})
    or substr(p.id, 1, length({})) = {});

-- name: search_pending.campaign
m.campaign in (select id from campaign where name = {});

-- name: search_pending.channel
+m.channel = {};

-- name: search_pending.claimed
p.id in (select id from pending indexed by pending_claimed where claimed_by is not null and visible_at > {});

-- name: search_pending.contact
lower(m.contact) = lower({}) and m.contact = {};

-- name: search_pending.doomed
p.epoch < c.cancel_epoch and (p.claimed_by is null or p.visible_at <= {});

-- name: search_pending.error_group
p.id in (select id from failure where error_group = {});

-- name: search_pending.from_id
p.id >= {};

-- name: search_pending.ids
p.id in (select value from json_each({}));

-- name: search_pending.indexed
p.id in (select id from message_metadata where path = json_extract({}, '$.path') and value = json_extract({}, '$.value'));

-- name: search_pending.metadata
case json_type(m.payload, '$.metadata.' || json_extract({}, '$.path')) when 'true' then 'true' when 'false' then 'false'
    else cast(json_extract(m.payload, '$.metadata.' || json_extract({}, '$.path')) as text) end = json_extract({}, '$.value');

-- name: search_pending.of_campaigns
p.campaign in (select value from json_each({}));

-- name: search_pending.recipient
m.recipient = {};

-- name: search_pending.scheduled
(p.claimed_by is null or p.visible_at <= {}) and p.epoch >= coalesce(c.cancel_epoch, 0);

-- name: search_pending.to_id
p.id < {};

-- name: search_pending.workspace
m.workspace = {};

-- name: see_dispatcher
update dispatcher set seen_at = ?2, claimed = ?3, lag = ?4 where id = ?1;

-- name: service_counts
select channel, coalesce(sum(accepted), 0), coalesce(sum(revived_dead), 0), coalesce(sum(revived_cancelled), 0),
    coalesce(sum(delivered), 0), coalesce(sum(dead), 0), coalesce(sum(cancelled), 0),
    coalesce(sum(pruned_delivered), 0), coalesce(sum(pruned_dead), 0), coalesce(sum(pruned_cancelled), 0)
from (
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0 as pruned_delivered, 0 as pruned_dead, 0 as pruned_cancelled
    from tally
    union all
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, pruned_delivered, pruned_dead, pruned_cancelled
    from total where workspace = '' and campaign = 0
) counted group by channel;

-- name: service_limit_changes
select channel, to_rate from limit_change where workspace = '' order by at;

-- name: share_alert_sinks
select name from alert_sink where name in (select value from json_each(?1)) order by name;

-- name: share_campaign_states
select id, state, cancel_epoch, cancelled_at from campaign where id = ?1;

-- name: share_campaigns
select id, workspace, name, epoch from campaign where workspace = ?1 and name = ?2;

-- name: share_tier
select settings from tier where name = ?1;

-- name: shift_campaign
update campaign set resume_to = case when state = 'paused' then 'paused' else 'active' end, state = 'shifting', epoch = epoch + 1, shift = ?2, busy = 1
where id = ?1;

-- name: shift_pending
update pending set epoch = ?2, claimed_by = null,
    due_at = max(due_at + ?3, min(due_at, ?4)),
    visible_at = case when visible_at >= 4611686018427387903 then max(due_at + ?3, min(due_at, ?4)) else max(visible_at + ?3, min(visible_at, ?4)) end
where id in (select id from pending where campaign = ?1 and epoch < ?2 and (claimed_by is null or visible_at <= ?4) limit ?5)
returning lane, priority, visible_at;

-- name: show_recipients
update session set recipients_until = ?2 where id = ?1;

-- name: start_progress
insert into progress (chore, at, id) values (?1, 0, '00000000-0000-0000-0000-000000000000') on conflict do nothing;

-- name: stored_limits
select channel, rate from channel_limit;

-- name: take_finished_histograms
delete from histogram where minute > 0 and minute < ?1
returning kind, channel, sum, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13;

-- name: take_finished_tallies
delete from tally where (workspace, channel, campaign, minute, writer, since) in
    (select workspace, channel, campaign, minute, writer, since from tally where minute < ?1 order by minute limit ?2)
returning workspace, channel, campaign, minute, since, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, retried, batches, batch_time, lateness, starts, exceeded, first_at, last_at;

-- name: take_old_history
delete from history where (workspace, channel, span, minute) in (select workspace, channel, span, minute from history where span = ?1 and minute < ?2 order by minute limit ?3)
returning workspace, channel, minute, sent, failed, exceeded, lateness, starts;

-- name: take_operation
update operation set claimed_by = ?1, claimed_until = ?3, state = 'running'
where id = (select id from operation where finished_at is null and (claimed_until <= ?2 or claimed_by = ?1) order by id limit 1)
returning id, workspace, action, actor, request, matched, done, skipped, position, state, error, created_at, finished_at;

-- name: tallied_figures
select channel, since, sum(delivered), sum(dead), sum(exceeded), sum(batches), sum(batch_time), minute, sum(delivered + dead), min(first_at), max(last_at)
from tally group by channel, since, minute;

-- name: tallied_figures_of
select channel, since, sum(delivered), sum(dead), sum(exceeded), sum(batches), sum(batch_time), minute, sum(delivered + dead), min(first_at), max(last_at)
from tally where workspace = ?1 group by channel, since, minute;

-- name: timed_settings_of
select kind, name, until, reason, former from timed_setting where workspace = ?1;

-- name: told_ahead
select workspace from event_told where at > ?1;

-- name: told_workspaces
select ?1
from event_route r
where r.enabled <> 0 and r.workspace = coalesce((select o.workspace from event_route o where o.workspace = ?1), '');

-- name: unpark_pending
update pending set visible_at = due_at
where id in (select id from pending where campaign = ?1 and visible_at = 4611686018427387903 limit ?2)
returning lane, priority, visible_at;

-- name: unseen_lanes
select id from lane where id = ?1 and watched_at <= ?2;

-- name: use_key
insert into key_use (id, minute, used) values (?1, ?2, ?3)
on conflict (id) do update set used = excluded.used + case when key_use.minute < excluded.minute then 0 else key_use.used end,
    minute = max(key_use.minute, excluded.minute)
where key_use.minute < excluded.minute or key_use.used + excluded.used <= ?4
returning used;

-- name: verify_attempts
select * from (
    select p.id, 'attempts are counted that are not there, or not counted that are' from pending p
    where p.attempts <> (select count(*) from attempt a where a.id = p.id)
    union all
    select r.id, 'attempts are counted that are not there, or not counted that are' from result r
    where r.status <> 'scheduled' and r.attempts <> (select count(*) from attempt a where a.id = r.id) + (r.outcome is not null)
) miscounted limit ?1;

-- name: verify_campaigns
select p.id, 'is of a campaign that is not there' from pending p
where p.campaign is not null and not exists (select 1 from campaign c where c.id = p.campaign)
limit ?1;

-- name: verify_claims
select id, 'is claimed and parked at once' from pending where claimed_by is not null and visible_at >= 4611686018427387903 limit ?1;

-- name: verify_counted
select workspace, channel, campaign, sum(accepted + revived_dead + revived_cancelled - delivered - dead - cancelled),
    sum(delivered - pruned_delivered), sum(dead - revived_dead - pruned_dead), sum(cancelled - revived_cancelled - pruned_cancelled)
from (
    select workspace, channel, campaign, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled,
        pruned_delivered, pruned_dead, pruned_cancelled
    from total
    union all
    select workspace, channel, campaign, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0, 0, 0
    from tally where campaign <> 0
    union all
    select workspace, channel, 0, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0, 0, 0 from tally
    union all
    select '', channel, 0, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0, 0, 0 from tally
) counted
group by workspace, channel, campaign;

-- name: verify_keys
select m.id, 'its idempotency key is not kept' from message m
where m.idempotency_key is not null
    and not exists (select 1 from idempotency i where i.workspace = m.workspace and i.key = m.idempotency_key and i.id = m.id)
limit ?1;

-- name: verify_lanes
select p.id, 'waits in a lane that is not its own' from pending p join message m on m.id = p.id
where not exists (select 1 from lane l where l.id = p.lane and l.workspace = m.workspace and l.channel = m.channel)
limit ?1;

-- name: verify_nowhere
select m.id, 'neither waits nor has an end' from message m
where not exists (select 1 from pending p where p.id = m.id)
    and not exists (select 1 from result r where r.id = m.id and r.status <> 'scheduled')
limit ?1;

-- name: verify_orphans
select * from (
    select p.id, 'a pending row without a message' from pending p where not exists (select 1 from message m where m.id = p.id)
    union all
    select r.id, 'a result without a message' from result r where not exists (select 1 from message m where m.id = r.id)
    union all
    select a.id, 'an attempt without a message' from attempt a where not exists (select 1 from message m where m.id = a.id)
    union all
    select i.id, 'an idempotency key without a message' from idempotency i where not exists (select 1 from message m where m.id = i.id)
) orphan limit ?1;

-- name: verify_parked
select p.id, 'is parked, and nobody will let it go' from pending p left join campaign c on c.id = p.campaign
where p.visible_at = 4611686018427387903 and (c.id is null or (c.state in ('active', 'cancelled') and c.busy = 0))
limit ?1;

-- name: verify_pending
select l.workspace, l.channel, coalesce(p.campaign, 0), count(*) from pending p join lane l on l.id = p.lane
group by l.workspace, l.channel, coalesce(p.campaign, 0);

-- name: verify_rates
select l.workspace, l.channel, max(l.rate, coalesce((select max(max(a.from_rate, a.to_rate)) from adjustment a
    where a.workspace = l.workspace and a.channel = l.channel and a.at >= ?1), 0),
    -- none of its own is the service's, which bounds it then
    coalesce((select max(max(coalesce(c.from_rate, 1e18), coalesce(c.to_rate, 1e18))) from limit_change c
    where c.workspace = l.workspace and c.channel = l.channel and c.at >= ?1), 0))
from lane l where l.rate is not null
union all
select '', channel, max(max(coalesce(from_rate, 0), coalesce(to_rate, 0))) from limit_change where workspace = '' and at >= ?1 group by channel;

-- name: verify_results
select workspace, channel, coalesce(campaign, 0), status, count(*) from result where status <> 'scheduled'
group by workspace, channel, coalesce(campaign, 0), status;

-- name: verify_sent
with sent as (
    select r.workspace, r.channel, r.started_at as at, case when ?2 then (select m.units from message m where m.id = r.id) else 1 end as units
    from result r where r.outcome is not null and r.started_at >= ?1
    union all
    select m.workspace, m.channel, a.started_at, case when ?2 then m.units else 1 end from attempt a join message m on m.id = a.id where a.started_at >= ?1
), counted as (
    select '' as workspace, channel, at, units from sent
    union all
    select s.workspace, s.channel, s.at, s.units from sent s join lane l on l.workspace = s.workspace and l.channel = s.channel and l.rate is not null
), seconds as (
    select workspace, channel, at,
        sum(units) over (partition by workspace, channel order by at range between 999999 preceding and current row) as units,
        at - lag(at) over (partition by workspace, channel order by at) as gap
    from counted
)
select workspace, channel, max(units), min(gap) from seconds group by workspace, channel;

-- name: verify_size
select (select count(*) from message), (select count(*) from pending), (select count(*) from result where status <> 'scheduled');

-- name: verify_two_places
select r.id, 'waits, and is ' || r.status from pending p join result r on r.id = p.id where r.status <> 'scheduled' limit ?1;

-- name: verify_waiting
select l.id, l.workspace, l.channel, l.next_due_at, l.next_high_at, l.terms, l.day_ends_at, l.day_count,
    (select min(visible_at) from pending where lane = l.id and priority = 0 and visible_at < 4611686018427387903),
    (select min(visible_at) from pending where lane = l.id and priority = 1 and visible_at < 4611686018427387903),
    (select min(visible_at) from pending where lane = l.id and priority = 2 and visible_at < 4611686018427387903)
from lane l;

-- name: watched_lanes
select id from lane where watch is not null and watched_at <= ?1 order by watched_at;

-- name: workspace_counts
select channel, coalesce(sum(accepted), 0), coalesce(sum(revived_dead), 0), coalesce(sum(revived_cancelled), 0),
    coalesce(sum(delivered), 0), coalesce(sum(dead), 0), coalesce(sum(cancelled), 0),
    coalesce(sum(pruned_delivered), 0), coalesce(sum(pruned_dead), 0), coalesce(sum(pruned_cancelled), 0)
from (
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0 as pruned_delivered, 0 as pruned_dead, 0 as pruned_cancelled
    from tally where workspace = ?1
    union all
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, pruned_delivered, pruned_dead, pruned_cancelled
    from total where workspace = ?1 and campaign = 0
) counted group by channel;

-- name: workspace_totals
select workspace, channel, sum(delivered), sum(dead), sum(retried), sum(exceeded), sum(backlog)
from (
    select workspace, channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from total where workspace in (select value from json_each(?1)) and campaign = 0
    union all
    select workspace, channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from tally where workspace in (select value from json_each(?1))
) counted group by workspace, channel;

-- name: worst_workspaces
with part as (
    select workspace, channel, since, exceeded from figure where exceeded > 0 and workspace <> ''
    union all
    select workspace, channel, since, exceeded from tally where exceeded > 0
), counted as (
    select workspace, channel, sum(exceeded) as times from part
    where since >= coalesce((select max(b.at) from baseline b where b.workspace in ('', part.workspace) and b.channel = part.channel), 0)
    group by workspace, channel
), placed as (
    select workspace, channel, times, row_number() over (partition by channel order by times desc, workspace) as place,
        sum(times) over (partition by workspace) as whole
    from counted
), ranked as (
    select workspace, channel, times, place, dense_rank() over (order by whole desc, workspace) as rank from placed
)
select r.workspace, r.channel, r.times, r.place, r.rank, coalesce(l.exceeded_at, 0),
    coalesce((select max(b.at) from baseline b where b.workspace in ('', r.workspace) and b.channel = r.channel), 0)
from ranked r left join lane l on l.workspace = r.workspace and l.channel = r.channel
where r.place <= ?1 or r.rank <= ?1
order by r.place;
