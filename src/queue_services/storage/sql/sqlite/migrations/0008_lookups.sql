-- What has counted for a day already goes on when a daily quota is used up: found by this in place of all that waits.
create index pending_counted on pending (lane, priority, visible_at, id) where attempts > 0;

-- The newest on one channel, which may have next to nothing among a million of the other.
create index message_channel on message (channel, id);
