-- name: find_of_contact
select id from message where contact = ?1 and workspace = ?2 and coalesce(blank, '') <> 'erased' limit ?3;

-- name: erase_messages
update message set recipient = '', payload = ?2, blank = 'erased' where id = ?1;

-- name: erase_results
update result set error = null where id = ?1 and error is not null;

-- name: erase_attempts
update attempt set error = null where id = ?1 and error is not null;

-- name: expire_claimed
-- What a dispatcher holds may be on its way; should it come back, it is not sent again.
update pending set expires_at = ?2 where id = ?1 returning id;

-- name: progress_of
select at, id from progress where chore = ?1;

-- name: start_progress
insert into progress (chore, at, id) values (?1, 0, '00000000-0000-0000-0000-000000000000') on conflict do nothing;

-- name: save_progress
update progress set at = ?2, id = ?3 where chore = ?1;

-- name: find_delivered
select id, finished_at, status from result where finished_at >= ?1 and (finished_at > ?1 or id > ?2) and finished_at < ?3 order by finished_at, id limit ?4;

-- name: drop_bodies
update message set payload = json_remove(payload, '$.text', '$.subject', '$.html', '$.media_url'), blank = 'dropped' where id = ?1 and blank is null;
