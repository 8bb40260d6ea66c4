-- name: unseen_lanes
select id from lane where id = ?1 and watched_at <= ?2;

-- name: save_watches
update lane set rate = ?2, slot_at = ?3, watch = ?4, watched_at = ?5 where id = ?1;

-- name: insert_adjustments
insert into adjustment (workspace, channel, at, from_rate, to_rate, reason) values (?1, ?2, ?3, ?4, ?5, ?6);

-- name: prune_adjustments
delete from adjustment where rowid in (select rowid from adjustment where at < ?1 limit ?2) returning at;

-- name: add_limit_changes
insert into limit_change (workspace, channel, at, from_rate, to_rate) values (?1, ?2, ?3, ?4, ?5);

-- name: prune_limit_changes
delete from limit_change where rowid in (select rowid from limit_change where at < ?1 limit ?2) returning at;
