-- name: add_history
insert into history (workspace, channel, span, minute, sent, failed, exceeded, lateness, starts)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
on conflict (workspace, channel, span, minute) do update set
    sent = history.sent + excluded.sent, failed = history.failed + excluded.failed, exceeded = history.exceeded + excluded.exceeded, lateness = history.lateness + excluded.lateness, starts = history.starts + excluded.starts;

-- name: take_old_history
delete from history where (workspace, channel, span, minute) in (select workspace, channel, span, minute from history where span = ?1 and minute < ?2 order by minute limit ?3)
returning workspace, channel, minute, sent, failed, exceeded, lateness, starts;
