-- name: keep_failures
insert into failure (id, error_group, status_code, fault, workspace, channel, campaign, failed_at)
select * from unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])
on conflict (id) do update set error_group = excluded.error_group, status_code = excluded.status_code, fault = excluded.fault, failed_at = excluded.failed_at;

-- name: keep_answers
insert into answer (id, number, body, cut)
select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::smallint[])
on conflict (id) do update set number = excluded.number, body = excluded.body, cut = excluded.cut;

-- name: prune_failures
delete from failure f using unnest($1::uuid[]) u(id) where f.id = u.id;

-- name: prune_answers
delete from answer a using unnest($1::uuid[]) u(id) where a.id = u.id;

-- name: erase_failures
update failure f set fault = '' from unnest($1::uuid[]) u(id) where f.id = u.id;
