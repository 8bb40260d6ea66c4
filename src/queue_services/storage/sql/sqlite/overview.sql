-- name: claimed_counts
select l.workspace, l.channel, coalesce(p.campaign, 0), count(*)
from pending p indexed by pending_claimed join lane l on l.id = p.lane
where p.claimed_by is not null and p.visible_at > ?1
group by l.workspace, l.channel, coalesce(p.campaign, 0);

-- name: database_size
select page_count * page_size from pragma_page_count(), pragma_page_size();
