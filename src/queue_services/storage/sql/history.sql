-- name: read_history
select minute - minute % $4::bigint, sum(sent)::bigint, sum(failed)::bigint, sum(exceeded)::bigint, sum(lateness)::bigint, sum(starts)::bigint
from (
    select minute, sent, failed, exceeded, lateness, starts from history
    where workspace = $1 and channel = any($5::text[]) and span in (1, 60, 1440) and minute >= $2 and minute < $3
    union all
    select minute, delivered, dead, exceeded, lateness, starts from tally
    where minute >= $2 and minute < $3 and channel = any($5::text[]) and ($1 = '' or workspace = $1)
) rollup group by 1 order by 1;
