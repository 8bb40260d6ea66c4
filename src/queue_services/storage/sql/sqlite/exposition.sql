-- name: channel_totals
select channel, sum(delivered), sum(dead), sum(retried), sum(exceeded), sum(backlog)
from (
    select channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from total where workspace = '' and campaign = 0
    union all
    select channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from tally
) counted group by channel;

-- name: workspace_totals
select ?1, channel, sum(delivered), sum(dead), sum(retried), sum(exceeded), sum(backlog)
from (
    select channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from total where workspace = ?1 and campaign = 0
    union all
    select channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from tally where workspace = ?1
) counted group by channel;

-- name: oldest_waiting
select l.channel, min((select min(p.visible_at) from pending p where p.lane = l.id and p.priority = each.priority))
from lane l cross join (select 0 as priority union all select 1 union all select 2) each
where l.next_due_at <= ?1 group by l.channel;

-- name: histograms
select kind, channel, sum(sum), sum(c0), sum(c1), sum(c2), sum(c3), sum(c4), sum(c5), sum(c6), sum(c7), sum(c8), sum(c9), sum(c10), sum(c11), sum(c12), sum(c13) from histogram group by kind, channel;
