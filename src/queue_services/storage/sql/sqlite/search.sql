-- name: find_recipient_start
select id from message where recipient >= ?1 and recipient < ?2 limit ?3;

-- name: find_contact_start
select id from message where lower(contact) >= ?1 and lower(contact) < ?2 limit ?3;

-- name: find_campaign_start
select m.id from campaign c join message m on m.campaign = c.id
where lower(c.name) >= ?1 and lower(c.name) < ?2 limit ?3;

-- name: insert_metadata
insert into message_metadata (path, value, id) values (?1, ?2, ?3) on conflict do nothing;

-- name: prune_metadata
delete from message_metadata where id = ?1;
