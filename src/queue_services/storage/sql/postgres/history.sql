-- name: add_history
insert into history (workspace, channel, span, minute, sent, failed, exceeded, lateness, starts)
select * from unnest($1::text[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
on conflict (workspace, channel, span, minute) do update set
    sent = history.sent + excluded.sent, failed = history.failed + excluded.failed, exceeded = history.exceeded + excluded.exceeded, lateness = history.lateness + excluded.lateness, starts = history.starts + excluded.starts;

-- name: take_old_history
delete from history where ctid = any(array(select ctid from history where span = $1 and minute < $2 order by minute limit $3 for update skip locked))
returning workspace, channel, minute, sent, failed, exceeded, lateness, starts;

-- name: read_history
select minute - minute % $4::bigint, sum(sent)::bigint, sum(failed)::bigint, sum(exceeded)::bigint, sum(lateness)::bigint, sum(starts)::bigint
from (
    select minute, sent, failed, exceeded, lateness, starts from history
    where workspace = $1 and channel = any($5::text[]) and span in (1, 60, 1440) and minute >= $2 and minute < $3
    union all
    select minute, delivered, dead, exceeded, lateness, starts from tally
    where minute >= $2 and minute < $3 and channel = any($5::text[]) and ($1 = '' or workspace = $1)
) rollup group by 1 order by 1;
