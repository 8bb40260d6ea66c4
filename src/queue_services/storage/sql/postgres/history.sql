-- name: add_history
insert into history (workspace, channel, span, minute, sent, failed, exceeded, lateness, starts)
select * from unnest($1::text[], $2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
on conflict (workspace, channel, span, minute) do update set
    sent = history.sent + excluded.sent, failed = history.failed + excluded.failed, exceeded = history.exceeded + excluded.exceeded, lateness = history.lateness + excluded.lateness, starts = history.starts + excluded.starts;

-- name: take_old_history
delete from history where ctid = any(array(select ctid from history where span = $1 and minute < $2 order by minute limit $3 for update skip locked))
returning workspace, channel, minute, sent, failed, exceeded, lateness, starts;
