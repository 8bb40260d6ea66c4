-- name: ensure_lanes
insert into lane (workspace, channel, rate, weight, terms)
select u.workspace, u.channel, u.rate, u.weight, u.terms
from unnest($1::text[], $2::text[], $3::double precision[], $4::double precision[], $5::text[]) u(workspace, channel, rate, weight, terms)
where not exists (select 1 from lane l where l.workspace = u.workspace and l.channel = u.channel)
order by 1, 2
on conflict do nothing;

-- name: lane_ids
select l.id, l.workspace, l.channel
from unnest($1::text[], $2::text[]) u(workspace, channel) join lane l on l.workspace = u.workspace and l.channel = u.channel;

-- name: ensure_campaigns
insert into campaign (workspace, name)
select u.workspace, u.name from unnest($1::text[], $2::text[]) u(workspace, name)
where not exists (select 1 from campaign c where c.workspace = u.workspace and c.name = u.name)
order by 1, 2
on conflict do nothing;

-- name: share_campaigns
-- Held until the transaction ends, so that a cancel waits for it and ends what it inserted.
select c.id, c.workspace, c.name, c.epoch
from campaign c join unnest($1::text[], $2::text[]) u(workspace, name) on c.workspace = u.workspace and c.name = u.name
order by c.id for share of c;

-- name: insert_idempotency
insert into idempotency (workspace, key, fingerprint, id)
select * from unnest($1::text[], $2::text[], $3::text[], $4::uuid[])
order by 1, 2
on conflict do nothing
returning workspace, key;

-- name: find_idempotency
select i.workspace, i.key, i.fingerprint, i.id, coalesce(p.due_at, r.due_at)
from unnest($1::text[], $2::text[]) u(workspace, key)
join idempotency i on i.workspace = u.workspace and i.key = u.key
left join pending p on p.id = i.id
left join result r on r.id = i.id;

-- name: insert_messages
insert into message (id, workspace, channel, contact, campaign, recipient, priority, created_at, expires_at, idempotency_key, payload, units)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::smallint[], $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::integer[]);

-- name: insert_pending
insert into pending (id, lane, priority, campaign, epoch, due_at, visible_at, expires_at)
select u.id, u.lane, u.priority, u.campaign, u.epoch, u.due_at, u.due_at, u.expires_at
from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::bigint[], $5::integer[], $6::bigint[], $7::bigint[])
    u(id, lane, priority, campaign, epoch, due_at, expires_at);

-- name: lock_lanes
-- Taken even when nothing changes: a claim that cannot see this transaction's rows must not end after it.
select l.id from lane l join unnest($1::bigint[]) u(id) on l.id = u.id order by l.id for update of l;

-- name: lower_lanes
update lane l set next_due_at = least(l.next_due_at, u.due_at), next_high_at = least(l.next_high_at, u.high_at)
from unnest($1::bigint[], $2::bigint[], $3::bigint[]) u(id, due_at, high_at)
where l.id = u.id and (l.next_due_at > u.due_at or l.next_high_at > u.high_at);
