-- name: callback_workspaces
select id, settings from workspace where id = ?1;

-- name: save_lane_terms
update lane set rate = ?2, weight = ?3, paused = ?4, terms = ?5, slot_at = ?6, next_due_at = min(next_due_at, ?7), next_high_at = min(next_high_at, ?7)
where id = ?1;
