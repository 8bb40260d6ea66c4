-- name: changes_after
-- Below the snapshot's xmin every transaction has ended: what is not seen there never comes.
select id, status, case when status = 'scheduled' then due_at else finished_at end, xid::text::bigint, seq from result
where (xid, seq) > ($1::bigint::text::xid8, $2::bigint) and xid < pg_snapshot_xmin(pg_current_snapshot()) and ($3::text is null or workspace = $3)
order by xid, seq limit $4;

-- name: adopt_changes
update result set xid = pg_current_xact_id() where xid > pg_current_xact_id();

-- name: changes_end
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 0::bigint;
