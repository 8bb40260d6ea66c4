-- name: create_schema_migration
create table if not exists schema_migration (number integer primary key, name text not null, checksum text not null);

-- name: applied_migrations
select number, checksum from schema_migration order by number;

-- name: record_migration
insert into schema_migration (number, name, checksum) values ($1, $2, $3);

-- name: check_writable
insert into write_probe (id, filler) values (1, $1) on conflict (id) do update set filler = excluded.filler;
