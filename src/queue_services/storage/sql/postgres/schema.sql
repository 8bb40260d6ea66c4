-- name: lock_schema
select pg_advisory_xact_lock(7186320942011);

-- name: create_schema_migration
create table if not exists schema_migration (number integer primary key, name text not null, checksum text not null);

-- name: find_schema
select tablename from pg_tables where schemaname = any(current_schemas(false)) and tablename = 'schema_migration';

-- name: applied_migrations
select number, checksum from schema_migration order by number;

-- name: record_migration
insert into schema_migration (number, name, checksum) values ($1, $2, $3);

-- name: read_clock
select (extract(epoch from clock_timestamp()) * 1000000)::bigint;

-- name: notify
select pg_notify($1, '');

-- name: check_writable
update limit_state set paused = paused where channel = 'sms';
