-- name: ensure_lanes
insert into lane (workspace, channel, rate, weight, terms) select ?1, ?2, ?3, ?4, ?5
where not exists (select 1 from lane where workspace = ?1 and channel = ?2);

-- name: lane_ids
select id, workspace, channel from lane where workspace = ?1 and channel = ?2;

-- name: ensure_campaigns
insert into campaign (workspace, name) select ?1, ?2
where not exists (select 1 from campaign where workspace = ?1 and name = ?2);

-- name: share_campaigns
select id, workspace, name, epoch from campaign where workspace = ?1 and name = ?2;

-- name: insert_idempotency
insert into idempotency (workspace, key, fingerprint, id) values (?1, ?2, ?3, ?4)
on conflict do nothing
returning workspace, key;

-- name: find_idempotency
select i.workspace, i.key, i.fingerprint, i.id, coalesce(p.due_at, r.due_at)
from idempotency i left join pending p on p.id = i.id left join result r on r.id = i.id
where i.workspace = ?1 and i.key = ?2;

-- name: insert_messages
insert into message (id, workspace, channel, contact, campaign, recipient, priority, created_at, expires_at, idempotency_key, payload, units)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);

-- name: insert_pending
insert into pending (id, lane, priority, campaign, epoch, due_at, visible_at, expires_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7);

-- name: lock_lanes
-- Nothing to do: the file has one writer.
;

-- name: lower_lanes
update lane set next_due_at = min(next_due_at, ?2), next_high_at = min(next_high_at, ?3)
where id = ?1 and (next_due_at > ?2 or next_high_at > ?3);
