-- name: count_claimed_of_campaign
select count(*) from pending indexed by pending_claimed where claimed_by is not null and visible_at > ?2 and campaign = ?1;
