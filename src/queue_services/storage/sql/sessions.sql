-- name: insert_session
insert into session (id, digest, kind, name, workspace, key_id, proof, address, created_at, expires_at, recipients_until)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: find_session
select id, kind, name, workspace, key_id, proof, address, created_at, expires_at, recipients_until from session where digest = $1 and expires_at > $2;

-- name: list_sessions
select id, kind, name, workspace, key_id, proof, address, created_at, expires_at, recipients_until from session where expires_at > $1 order by created_at desc, id desc limit $2;

-- name: end_session
delete from session where id = $1 returning id;

-- name: show_recipients
update session set recipients_until = $2 where id = $1;

-- name: prune_sessions
delete from session where expires_at <= $1;

-- name: keep_feed_secret
insert into feed_secret (one, secret) values (1, $1) on conflict (one) do nothing;

-- name: read_feed_secret
select secret from feed_secret;
