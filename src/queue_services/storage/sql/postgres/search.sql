-- The collation "C" compares byte by byte, so that texts that begin alike lie together in an index.
-- name: find_recipient_start
select id from message where recipient collate "C" >= $1 and recipient collate "C" < $2 limit $3;

-- name: find_contact_start
select id from message where lower(contact) collate "C" >= $1 and lower(contact) collate "C" < $2 limit $3;

-- name: find_campaign_start
select m.id from campaign c join message m on m.campaign = c.id
where lower(c.name) collate "C" >= $1 and lower(c.name) collate "C" < $2 limit $3;

-- name: insert_metadata
insert into message_metadata (path, value, id) select * from unnest($1::text[], $2::text[], $3::uuid[]) on conflict do nothing;

-- name: prune_metadata
delete from message_metadata d using unnest($1::uuid[]) u(id) where d.id = u.id;
