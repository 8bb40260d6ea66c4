-- name: erase_messages
update message set recipient = '', payload = ?2, blank = 'erased', idempotency_key = null where id = ?1;

-- name: erase_results
update result set error = null where id = ?1 and error is not null;

-- name: erase_attempts
update attempt set error = null where id = ?1 and error is not null;

-- name: expire_claimed
-- What a dispatcher holds may be on its way; should it come back, it is not sent again.
update pending set expires_at = ?2 where id = ?1 returning id;

-- name: drop_bodies
update message set payload = json_remove(payload, '$.text', '$.subject', '$.html', '$.media_url'), blank = 'dropped' where id = ?1 and blank is null;

-- name: forget_keys
delete from idempotency where (workspace, key) = (select workspace, idempotency_key from message where id = ?1);

-- name: clear_fingerprints
update idempotency set fingerprint = '' where (workspace, key) = (select workspace, idempotency_key from message where id = ?1);

-- name: find_of_contact
select id, recipient from message
where lower(contact) = lower(?1) and contact = ?1 and workspace = ?2 and coalesce(blank, '') <> 'erased' limit ?3;
