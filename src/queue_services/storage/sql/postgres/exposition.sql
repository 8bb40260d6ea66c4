-- name: workspace_totals
select workspace, channel, sum(delivered)::bigint, sum(dead)::bigint, sum(retried)::bigint, sum(exceeded)::bigint, sum(backlog)::bigint
from (
    select workspace, channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from total where workspace = any($1::text[]) and campaign = 0
    union all
    select workspace, channel, delivered, dead, retried, exceeded, accepted + revived_dead + revived_cancelled - delivered - dead - cancelled as backlog from tally where workspace = any($1::text[])
) counted group by workspace, channel;
