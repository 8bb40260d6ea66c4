-- name: insert_events
insert into event (id, workspace, channel, type, payload, created_at, visible_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?6);

-- name: prune_events
delete from event where rowid in (select rowid from event where created_at < ?1 limit ?2);
