-- name: insert_key
insert into api_key (id, digest, workspace, scopes, per_minute, created_at, expires_at) values ($1::uuid, $2, $3, $4, $5, $6, $7);

-- name: count_key_change
insert into key_version (one, value) values (1, 1)
on conflict (one) do update set value = key_version.value + 1;

-- name: key_version
select value from key_version;

-- name: all_keys
select id, digest, workspace, scopes, per_minute, created_at, expires_at from api_key where revoked_at is null order by id;

-- name: revoke_key
update api_key set revoked_at = $2 where id = $1::uuid and revoked_at is null
returning id, digest, workspace, scopes, per_minute, created_at, expires_at;

-- name: correct_key_use
-- A minute further ahead than the next is a clock's that was set back meanwhile: what was used in it was used just now.
update key_use set minute = $2::bigint where id = $1::uuid and minute > $2 + 1;

-- name: use_key
-- One that counts for the minute before (its clock is a little behind) uses up this one's.
insert into key_use (id, minute, used) values ($1::uuid, $2, $3)
on conflict (id) do update set used = excluded.used + case when key_use.minute < excluded.minute then 0 else key_use.used end,
    minute = greatest(key_use.minute, excluded.minute)
where key_use.minute < excluded.minute or key_use.used + excluded.used <= $4
returning used;

-- name: key_used
select used from key_use where id = $1::uuid and minute >= $2;
