-- name: pending_places
select p.id, l.workspace, p.lane, p.priority, p.visible_at from pending p join lane l on l.id = p.lane where p.id = any($1::uuid[]);
