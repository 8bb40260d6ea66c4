-- name: changes_after
select id, status, case when status = 'scheduled' then due_at else finished_at end, ?1, seq from result
where seq > ?2 and (?3 is null or workspace = ?3)
order by seq limit ?4;

-- name: changes_of_few
-- The same of a workspace that has few messages, by these: the order of a cross join is kept.
select r.id, r.status, case when r.status = 'scheduled' then r.due_at else r.finished_at end, ?1, r.seq
from message m cross join result r on r.id = m.id
where m.workspace = ?3 and +r.seq > ?2
order by r.seq limit ?4;

-- name: changes_sizes
select (select count(*) from (select 1 from message where workspace = ?3 limit ?4)),
    (select count(*) from (select 1 from result where seq > ?2 limit ?4)), ?1;

-- name: adopt_changes
-- A copy of the file keeps its numbers.
select 1;

-- name: changes_end
select 0, value from change_seq;
