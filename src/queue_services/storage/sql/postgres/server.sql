-- name: identify_server
-- The log's file is named after the timeline that is written now; the control file's is that of the last checkpoint, which comes later than a promotion.
select pg_backend_pid(), (select system_identifier from pg_control_system()), case when not pg_is_in_recovery() then pg_walfile_name(pg_current_wal_lsn()) end,
    pg_is_in_recovery();

-- name: identify_session
select pg_backend_pid();
