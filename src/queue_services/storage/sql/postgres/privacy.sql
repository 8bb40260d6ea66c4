-- name: erase_messages
update message m set recipient = '', payload = $2, blank = 'erased', idempotency_key = null from unnest($1::uuid[]) u(id) where m.id = u.id;

-- name: erase_results
update result r set error = null from unnest($1::uuid[]) u(id) where r.id = u.id and r.error is not null;

-- name: erase_attempts
update attempt a set error = null from unnest($1::uuid[]) u(id) where a.id = u.id and a.error is not null;

-- name: expire_claimed
-- What a dispatcher holds may be on its way; should it come back, it is not sent again.
update pending p set expires_at = $2 from unnest($1::uuid[]) u(id) where p.id = u.id returning p.id;

-- name: drop_bodies
update message m set payload = (m.payload::jsonb - 'text' - 'subject' - 'html' - 'media_url')::text, blank = 'dropped'
from unnest($1::uuid[]) u(id) where m.id = u.id and m.blank is null;

-- name: forget_keys
delete from idempotency i using message m, unnest($1::uuid[]) u(id) where m.id = u.id and i.workspace = m.workspace and i.key = m.idempotency_key;

-- name: clear_fingerprints
update idempotency i set fingerprint = '' from message m, unnest($1::uuid[]) u(id) where m.id = u.id and i.workspace = m.workspace and i.key = m.idempotency_key;

-- name: find_of_contact
select id, recipient from message
where lower(contact) collate "C" = lower($1::text) and contact = $1 and workspace = $2 and coalesce(blank, '') <> 'erased' limit $3;
