-- name: lock_schema
select pg_advisory_xact_lock(7186320942011);

-- name: find_schema
select tablename from pg_tables where schemaname = any(current_schemas(false)) and tablename = 'schema_migration';

-- name: read_clock
select (extract(epoch from clock_timestamp()) * 1000000)::bigint;

-- name: notify
select pg_notify($1, '');
