-- name: timed_settings_of
select kind, name, until, reason, former from timed_setting where workspace = $1;

-- name: lock_timed_setting
select until, reason, former from timed_setting where kind = $1 and workspace = $2 and name = $3 for update;

-- name: save_timed_setting
insert into timed_setting (kind, workspace, name, until, reason, former) values ($1, $2, $3, $4, $5, $6)
on conflict (kind, workspace, name) do update set until = excluded.until, reason = excluded.reason, former = excluded.former;

-- name: delete_timed_setting
delete from timed_setting where kind = $1 and workspace = $2 and name = $3;

-- name: ended_settings
select kind, workspace, name from timed_setting where until <= $1 order by until limit $2;

-- name: stored_limits
select channel, rate from channel_limit;

-- name: save_channel_limit
insert into channel_limit (channel, rate) values ($1, $2)
on conflict (channel) do update set rate = excluded.rate;

-- name: delete_channel_limit
delete from channel_limit where channel = $1;
