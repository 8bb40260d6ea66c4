-- name: channel_totals
select channel, sum(delivered)::bigint, sum(dead)::bigint, sum(retried)::bigint, sum(exceeded)::bigint, sum(backlog)::bigint
from (
    select channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from total where workspace = '' and campaign = 0
    union all
    select channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from tally
) counted group by channel;

-- name: workspace_totals
select workspace, channel, sum(delivered)::bigint, sum(dead)::bigint, sum(retried)::bigint, sum(exceeded)::bigint, sum(backlog)::bigint
from (
    select workspace, channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from total where workspace = any($1::text[]) and campaign = 0
    union all
    select workspace, channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from tally where workspace = any($1::text[])
) counted group by workspace, channel;

-- name: oldest_waiting
select l.channel, min((select min(p.visible_at) from pending p where p.lane = l.id and p.priority = each.priority))
from lane l cross join (select 0 as priority union all select 1 union all select 2) each
where l.next_due_at <= $1 group by l.channel;

-- name: histograms
select kind, channel, sum(sum)::bigint, sum(c0)::bigint, sum(c1)::bigint, sum(c2)::bigint, sum(c3)::bigint, sum(c4)::bigint, sum(c5)::bigint, sum(c6)::bigint, sum(c7)::bigint, sum(c8)::bigint, sum(c9)::bigint, sum(c10)::bigint, sum(c11)::bigint, sum(c12)::bigint, sum(c13)::bigint from histogram group by kind, channel;
