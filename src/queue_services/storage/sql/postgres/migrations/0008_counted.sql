-- What has counted for a day already goes on when a daily quota is used up: found by this in place of all that waits.
create index pending_counted on pending (lane, priority, visible_at, id) where attempts > 0;
