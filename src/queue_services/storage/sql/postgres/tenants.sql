-- name: callback_workspaces
select id, settings from workspace w join unnest($1::text[]) u(wanted) on w.id = u.wanted;

-- name: save_lane_terms
update lane l set rate = u.rate, weight = u.weight, paused = u.paused, terms = u.terms, slot_at = u.slot_at,
    next_due_at = least(l.next_due_at, u.due_at), next_high_at = least(l.next_high_at, u.due_at)
from unnest($1::bigint[], $2::double precision[], $3::double precision[], $4::smallint[], $5::text[], $6::bigint[], $7::bigint[])
    u(id, rate, weight, paused, terms, slot_at, due_at)
where l.id = u.id;
