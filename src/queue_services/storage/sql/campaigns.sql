-- name: find_campaign
select id, state, epoch, cancel_epoch, shift from campaign where workspace = $1 and name = $2;

-- name: lock_campaign
select id, state, epoch, cancel_epoch, shift from campaign where workspace = $1 and name = $2 for update;

-- name: campaign_counts
select coalesce(sum(accepted), 0)::bigint, coalesce(sum(revived_dead), 0)::bigint, coalesce(sum(revived_cancelled), 0)::bigint,
    coalesce(sum(delivered), 0)::bigint, coalesce(sum(dead), 0)::bigint, coalesce(sum(cancelled), 0)::bigint,
    coalesce(sum(pruned_delivered), 0)::bigint, coalesce(sum(pruned_dead), 0)::bigint, coalesce(sum(pruned_cancelled), 0)::bigint
from (
    select accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, 0 as pruned_delivered, 0 as pruned_dead, 0 as pruned_cancelled
    from tally where campaign = $1 and campaign <> 0
    union all
    select accepted, revived_dead, revived_cancelled, delivered, dead, cancelled, pruned_delivered, pruned_dead, pruned_cancelled
    from total where campaign = $1 and campaign <> 0
) counted;

-- name: campaign_channels
select channel from (
    select channel, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as waiting from tally where campaign = $1 and campaign <> 0
    union all
    select channel, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled from total where campaign = $1 and campaign <> 0
) counted group by channel having sum(waiting) > 0 order by channel;

-- name: count_doomed
select count(*) from pending where campaign = $1 and epoch < $2 and (claimed_by is null or visible_at <= $3);

-- name: campaign_result_span
select (select min(due_at) from result where campaign = $1), (select max(due_at) from result where campaign = $1);

-- name: campaign_pending_spans
-- By the epochs that pending rows have, each found by the index: an epoch that no row has costs nothing.
with recursive kept(epoch) as (
    select min(epoch) from pending where campaign = $1
    union all
    select (select min(p.epoch) from pending p where p.campaign = $1 and p.epoch > kept.epoch) from kept where kept.epoch is not null
)
select epoch, (select min(p.due_at) from pending p where p.campaign = $1 and p.epoch = kept.epoch),
    (select max(p.due_at) from pending p where p.campaign = $1 and p.epoch = kept.epoch)
from kept where epoch is not null;

-- name: any_pending_of_campaign
select 1 from pending where campaign = $1 limit 1;

-- name: cancel_empty_campaign
update campaign set state = 'cancelled', cancelled_at = $2 where id = $1;

-- name: cancel_campaign
update campaign set state = 'cancelled', epoch = epoch + 1, cancel_epoch = epoch + 1, cancelled_at = $2, busy = 1 where id = $1;

-- name: pause_campaign
update campaign set state = case when state = 'shifting' then state else 'paused' end, resume_to = 'paused' where id = $1;

-- name: resume_campaign
update campaign set state = case when state in ('shifting', 'cancelled') then state else 'active' end, resume_to = 'active', busy = 1 where id = $1;

-- name: shift_campaign
update campaign set resume_to = case when state = 'paused' then 'paused' else 'active' end, state = 'shifting', epoch = epoch + 1, shift = $2, busy = 1
where id = $1;

-- name: lock_busy_campaign
select id, state, epoch, cancel_epoch, shift, resume_to, cancelled_at from campaign where busy <> 0 and id > $1 order by id limit 1 for update skip locked;

-- name: find_doomed
select id from pending where campaign = $1 and epoch < $2 and (claimed_by is null or visible_at <= $3) limit $4;

-- name: shift_pending
update pending set epoch = $2, claimed_by = null,
    due_at = greatest(due_at + $3, least(due_at, $4)),
    visible_at = case when visible_at >= 4611686018427387903 then greatest(due_at + $3, least(due_at, $4)) else greatest(visible_at + $3, least(visible_at, $4)) end
where id in (select id from pending where campaign = $1 and epoch < $2 and (claimed_by is null or visible_at <= $4) limit $5)
returning lane, priority, visible_at;

-- name: unpark_pending
update pending set visible_at = due_at
where id in (select id from pending where campaign = $1 and visible_at = 4611686018427387903 limit $2)
returning lane, priority, visible_at;

-- name: save_campaign
update campaign set state = $2, busy = $3 where id = $1;

-- name: doomed_campaigns
select c.id from campaign c
where c.cancel_epoch > 0 and exists (select 1 from pending p where p.campaign = c.id and p.epoch < c.cancel_epoch);

-- name: doomed_counts
-- Each campaign that was ever cancelled looks its rows up by the index: SQLite takes the tables of a cross join in this order.
select c.workspace, l.channel, c.id, count(*)
from campaign c cross join pending p cross join lane l
where c.cancel_epoch > 0 and p.campaign = c.id and p.epoch < c.cancel_epoch and (p.claimed_by is null or p.visible_at <= $1) and l.id = p.lane
group by c.workspace, l.channel, c.id;
