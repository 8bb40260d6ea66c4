-- name: workspace_totals
select ?1, channel, sum(delivered), sum(dead), sum(retried), sum(exceeded), sum(backlog)
from (
    select channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from total where workspace = ?1 and campaign = 0
    union all
    select channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from tally where workspace = ?1
) counted group by channel;
