-- name: changes_after
select id, status, case when status = 'scheduled' then due_at else finished_at end, ?1, seq from result
where seq > ?2 and (?3 is null or workspace = ?3)
order by seq limit ?4;

-- name: adopt_changes
-- A copy of the file keeps its numbers.
select 1;

-- name: changes_end
select 0, value from change_seq;
