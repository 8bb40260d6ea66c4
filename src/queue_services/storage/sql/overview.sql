-- name: service_counts
select channel, coalesce(sum(accepted), 0)::bigint, coalesce(sum(revived_dead), 0)::bigint, coalesce(sum(revived_cancelled), 0)::bigint,
    coalesce(sum(delivered), 0)::bigint, coalesce(sum(dead), 0)::bigint, coalesce(sum(cancelled), 0)::bigint,
    coalesce(sum(pruned_delivered), 0)::bigint, coalesce(sum(pruned_dead), 0)::bigint, coalesce(sum(pruned_cancelled), 0)::bigint
from (
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0 as pruned_delivered, 0 as pruned_dead, 0 as pruned_cancelled
    from tally
    union all
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, pruned_delivered, pruned_dead, pruned_cancelled
    from total where workspace = '' and campaign = 0
) counted group by channel;

-- name: workspace_counts
select channel, coalesce(sum(accepted), 0)::bigint, coalesce(sum(revived_dead), 0)::bigint, coalesce(sum(revived_cancelled), 0)::bigint,
    coalesce(sum(delivered), 0)::bigint, coalesce(sum(dead), 0)::bigint, coalesce(sum(cancelled), 0)::bigint,
    coalesce(sum(pruned_delivered), 0)::bigint, coalesce(sum(pruned_dead), 0)::bigint, coalesce(sum(pruned_cancelled), 0)::bigint
from (
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0 as pruned_delivered, 0 as pruned_dead, 0 as pruned_cancelled
    from tally where workspace = $1
    union all
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, pruned_delivered, pruned_dead, pruned_cancelled
    from total where workspace = $1 and campaign = 0
) counted group by channel;

-- name: campaign_channel_counts
select channel, coalesce(sum(accepted), 0)::bigint, coalesce(sum(revived_dead), 0)::bigint, coalesce(sum(revived_cancelled), 0)::bigint,
    coalesce(sum(delivered), 0)::bigint, coalesce(sum(dead), 0)::bigint, coalesce(sum(cancelled), 0)::bigint,
    coalesce(sum(pruned_delivered), 0)::bigint, coalesce(sum(pruned_dead), 0)::bigint, coalesce(sum(pruned_cancelled), 0)::bigint
from (
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0 as pruned_delivered, 0 as pruned_dead, 0 as pruned_cancelled
    from tally where campaign = $1 and campaign <> 0
    union all
    select channel, accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, pruned_delivered, pruned_dead, pruned_cancelled
    from total where campaign = $1 and campaign <> 0
) counted group by channel;

-- name: campaigns_named
select id from campaign where name = $1 and ($2::text = '' or workspace = $2);

-- name: count_due
select count(*) from (
    select 1 from lane l join pending p on p.lane = l.id and p.priority in (0, 1, 2) and p.visible_at <= $2
    where l.channel = $1 and l.next_due_at <= $2 and ($3::text = '' or l.workspace = $3) limit $4
) due;

-- name: oldest_due
select min(at) from (
    select (select min(p.visible_at) from pending p where p.lane = l.id and p.priority = u.priority) as at
    from (select id from lane where channel = $1 and next_due_at <= $2 and ($3::text = '' or workspace = $3) order by next_due_at limit 1000) l,
        (select 0 as priority union all select 1 union all select 2) u
) oldest;

-- name: next_due
select min(at) from (
    select (select min(p.visible_at) from pending p where p.lane = l.id and p.priority = u.priority and p.visible_at > $2) as at
    from (select id from lane where channel = $1 and next_due_at < 4611686018427387903 and ($3::text = '' or workspace = $3) order by next_due_at limit 2000) l,
        (select 0 as priority union all select 1 union all select 2) u
) soonest where at < 4611686018427387903;

-- name: count_wave
select count(*) from (
    select 1 from lane l join pending p on p.lane = l.id and p.priority in (0, 1, 2) and p.visible_at >= $2 and p.visible_at < $3
    where l.channel = $1 and l.next_due_at < $3 and ($4::text = '' or l.workspace = $4) limit $5
) wave;

-- name: channel_states
select channel, log, paused from limit_state order by channel;

-- name: recent_campaigns
select id, workspace, name, state from campaign where true
{filters}
order by id desc limit {limit};

-- name: recent_campaigns.workspace
workspace = {};

-- name: recent_campaigns.name
name = {};

-- name: recent_campaigns.state
state = {};

-- name: recent_campaigns.before
id < {};

-- name: campaign_ended
select coalesce(sum(delivered + dead), 0)::bigint from tally
where minute >= $3 and campaign in (select id from campaign where workspace = $1 and name = $2);

-- name: next_of_campaign
select m.id from message m where m.campaign = (select campaign from message where id = $1) and m.id > $1 order by m.id limit 1;

-- name: recent_answers
select r.id, r.channel, r.outcome, r.started_at, r.duration, r.status_code, r.error
from (select id, workspace, channel, outcome, started_at, duration, status_code, error, finished_at from result order by finished_at desc limit 2000) r
where r.workspace = $1 and r.outcome is not null
order by r.finished_at desc limit $2;

-- name: live_dispatchers
select id, name, started_at, seen_at, claimed, lag from dispatcher order by id;

-- name: count_jobs
-- What has no result waits, or is claimed: those are few, and counted by themselves.
select status, count(*) from (
    select coalesce(r.status, 'scheduled') as status
    from message m
    left join result r on r.id = m.id
    where true
    {filters}
    order by m.id desc limit {limit}
) counted group by status;

-- name: count_pending
select count(*) from (
    select 1 from pending p
    join message m on m.id = p.id
    left join campaign c on c.id = m.campaign
    where true
    {filters}
    limit {limit}
) counted;

-- name: count_ended
select count(*) from (
    select 1 from result r
    join message m on m.id = r.id
    where true
    {filters}
    limit {limit}
) counted;

-- name: count_delivered
select count(*) from (
    select 1 from result r
    join message m on m.id = r.id
    where true
    {filters}
    limit {limit}
) counted;
