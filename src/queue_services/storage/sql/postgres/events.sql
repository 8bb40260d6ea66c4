-- name: insert_events
insert into event (id, workspace, channel, type, payload, created_at, visible_at)
select u.id, u.workspace, u.channel, u.type, u.payload, u.created_at, u.created_at
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) u(id, workspace, channel, type, payload, created_at);

-- name: prune_events
delete from event where ctid = any(array(select ctid from event where created_at < $1 limit $2));
