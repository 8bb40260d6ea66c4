-- name: plan_whole_tables
select set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true), set_config('enable_mergejoin', 'on', true);

-- name: verify_attempts
with made as (select id, count(*) as made from attempt group by id)
select * from (
    select p.id, 'attempts are counted that are not there, or not counted that are' from pending p left join made a on a.id = p.id
    where p.attempts <> coalesce(a.made, 0)
    union all
    select r.id, 'attempts are counted that are not there, or not counted that are' from result r left join made a on a.id = r.id
    where r.status <> 'scheduled' and r.attempts <> coalesce(a.made, 0) + (r.outcome is not null)::integer
) miscounted limit $1;
