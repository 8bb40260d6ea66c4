-- name: find_of_contact
select id from message where contact = $1 and workspace = $2 and coalesce(blank, '') <> 'erased' limit $3;

-- name: erase_messages
update message m set recipient = '', payload = $2, blank = 'erased' from unnest($1::uuid[]) u(id) where m.id = u.id;

-- name: erase_results
update result r set error = null from unnest($1::uuid[]) u(id) where r.id = u.id and r.error is not null;

-- name: erase_attempts
update attempt a set error = null from unnest($1::uuid[]) u(id) where a.id = u.id and a.error is not null;

-- name: expire_claimed
-- What a dispatcher holds may be on its way; should it come back, it is not sent again.
update pending p set expires_at = $2 from unnest($1::uuid[]) u(id) where p.id = u.id returning p.id;

-- name: progress_of
select at, id from progress where chore = $1 for update;

-- name: start_progress
insert into progress (chore, at, id) values ($1, 0, '00000000-0000-0000-0000-000000000000') on conflict do nothing;

-- name: save_progress
update progress set at = $2, id = $3 where chore = $1;

-- name: find_delivered
select id, finished_at, status from result where finished_at >= $1 and (finished_at > $1 or id > $2::uuid) and finished_at < $3 order by finished_at, id limit $4;

-- name: drop_bodies
update message m set payload = (m.payload::jsonb - 'text' - 'subject' - 'html' - 'media_url')::text, blank = 'dropped'
from unnest($1::uuid[]) u(id) where m.id = u.id and m.blank is null;
