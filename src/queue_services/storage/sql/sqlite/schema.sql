-- name: lock_schema
select 1;

-- name: find_schema
select name from sqlite_schema where name = 'schema_migration';

-- name: read_clock
select cast((julianday('now') - 2440587.5) * 86400000000 as integer);

-- name: notify
select ?1;
