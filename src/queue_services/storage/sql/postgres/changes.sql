-- name: changes_after
-- Below the snapshot's xmin every transaction has ended: what is not seen there never comes. In the order a bare xid would be the answer's column, which no
-- index has.
select r.id, r.status, case when r.status = 'scheduled' then r.due_at else r.finished_at end, r.xid::text::bigint, r.seq from result r
where (r.xid, r.seq) > ($1::bigint::text::xid8, $2::bigint) and r.xid < pg_snapshot_xmin(pg_current_snapshot()) and ($3::text is null or r.workspace = $3)
order by r.xid, r.seq limit $4;

-- name: changes_of_few
-- The same of a workspace that has few messages, by these. The messages are read first: offset 0 keeps the result's own order from being used.
select r.id, r.status, case when r.status = 'scheduled' then r.due_at else r.finished_at end, r.xid::text::bigint, r.seq
from (select m.id from message m where m.workspace = $3 offset 0) mine
join lateral (select * from result where id = mine.id offset 0) r on true
where (r.xid, r.seq) > ($1::bigint::text::xid8, $2::bigint) and r.xid < pg_snapshot_xmin(pg_current_snapshot())
order by r.xid, r.seq limit $4;

-- name: changes_sizes
select (select count(*) from (select 1 from message where workspace = $3 limit $4) mine),
    (select count(*) from (select 1 from result where (xid, seq) > ($1::bigint::text::xid8, $2::bigint) limit $4) ahead);

-- name: adopt_changes
update result set xid = pg_current_xact_id() where xid > pg_current_xact_id();

-- name: changes_end
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 0::bigint;
