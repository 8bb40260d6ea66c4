-- name: claimed_counts
select l.workspace, l.channel, coalesce(p.campaign, 0), count(*)
from pending p join lane l on l.id = p.lane
where p.claimed_by is not null and p.visible_at > $1
group by l.workspace, l.channel, coalesce(p.campaign, 0);

-- name: database_size
select pg_database_size(current_database());
