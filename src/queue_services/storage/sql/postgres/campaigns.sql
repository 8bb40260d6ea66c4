-- name: count_claimed_of_campaign
select count(*) from pending where claimed_by is not null and visible_at > $2 and campaign = $1;
