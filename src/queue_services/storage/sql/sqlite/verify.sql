-- name: plan_whole_tables
select 1;

-- name: verify_attempts
select * from (
    select p.id, 'attempts are counted that are not there, or not counted that are' from pending p
    where p.attempts <> (select count(*) from attempt a where a.id = p.id)
    union all
    select r.id, 'attempts are counted that are not there, or not counted that are' from result r
    where r.status <> 'scheduled' and r.attempts <> (select count(*) from attempt a where a.id = r.id) + (r.outcome is not null)
) miscounted limit ?1;
