-- name: find_id_start
select id from message where id >= $1::uuid and id <= $2::uuid order by id desc limit $3;

-- name: find_key
select id from idempotency where key = $1 limit $2;
