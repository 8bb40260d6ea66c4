-- name: hold_alert_watch
-- A hold that ends much later than any is taken for was written under a clock that was ahead.
insert into alert_watch (one, holder, held_until) values (1, $1, $3)
on conflict (one) do update set holder = excluded.holder, held_until = excluded.held_until
where alert_watch.holder = $1 or alert_watch.held_until <= $2 or alert_watch.held_until > $4
returning one;

-- name: all_alerts
select name, rule, standing from alert order by name;

-- name: find_alert
select rule, standing from alert where name = $1;

-- name: lock_alerts
select name, rule, standing from alert order by name for update;

-- name: lock_alert
select rule, standing from alert where name = $1 for update;

-- name: save_alert
insert into alert (name, rule, standing) values ($1, $2, $3)
on conflict (name) do update set rule = excluded.rule, standing = excluded.standing;

-- name: save_standing
update alert set standing = $2 where name = $1;

-- name: delete_alert
delete from alert where name = $1;

-- name: all_alert_sinks
select name, settings from alert_sink order by name;

-- name: find_alert_sink
select settings from alert_sink where name = $1;

-- name: lock_alert_sink
select settings from alert_sink where name = $1 for update;

-- name: share_alert_sinks
select name from alert_sink where name = any($1::text[]) order by name for share;

-- name: save_alert_sink
insert into alert_sink (name, settings) values ($1, $2)
on conflict (name) do update set settings = excluded.settings;

-- name: delete_alert_sink
delete from alert_sink where name = $1;

-- name: insert_notification
insert into notification (id, sink, body, created_at, visible_at) values ($1, $2, $3, $4, $4);

-- name: due_notifications
select 1 from notification where visible_at <= $1 or visible_at > $2 limit 1;

-- name: lock_notifications
select n.id, n.sink, n.body, n.created_at, n.tries, s.settings
from notification n left join alert_sink s on s.name = n.sink
where n.visible_at <= $1 or n.visible_at > $2
order by n.visible_at limit $3 for update of n skip locked;

-- name: lease_notification
update notification set visible_at = $2, tries = tries + 1 where id = $1;

-- name: delay_notification
update notification set visible_at = $2 where id = $1;

-- name: delete_notification
delete from notification where id = $1;

-- name: recent_exceedances
select count(*) from exceedance
where at > $1 and ($2::text is null or channel = $2) and ($3::text is null or workspace = $3);

-- name: count_held_lanes
select count(*) from lane
where hold_reason in ('unreachable', 'refused') and ($1::text is null or channel = $1) and ($2::text is null or workspace = $2);
