-- name: keep_failures
insert into failure (id, error_group, status_code, fault, workspace, channel, campaign, failed_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
on conflict (id) do update set error_group = excluded.error_group, status_code = excluded.status_code, fault = excluded.fault, failed_at = excluded.failed_at;

-- name: keep_answers
insert into answer (id, number, body, cut) values (?1, ?2, ?3, ?4)
on conflict (id) do update set number = excluded.number, body = excluded.body, cut = excluded.cut;

-- name: prune_failures
delete from failure where id = ?1;

-- name: prune_answers
delete from answer where id = ?1;

-- name: erase_failures
update failure set fault = '' where id = ?1;
