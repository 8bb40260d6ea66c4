-- Removes jobs that are in the store, as BullMQ removes one: its keys, its deduplication
-- key, and an event. Only those that the import's hash holds; returns how many.
-- KEYS: 1 the import's hash, 2 meta, 3 events
-- ARGV: 1 what job keys begin with, then two for each job: id, where it was
local finished = 0
local longest = redis.call("HGET", KEYS[2], "opts.maxLenEvents") or 10000
for i = 2, #ARGV, 2 do
  local id, key = ARGV[i], ARGV[1] .. ARGV[i]
  if redis.call("HDEL", KEYS[1], id) == 1 then
    local deduplication = redis.call("HGET", key, "deid")
    if deduplication and redis.call("GET", ARGV[1] .. "de:" .. deduplication) == id then
      redis.call("DEL", ARGV[1] .. "de:" .. deduplication, ARGV[1] .. "dn:" .. deduplication)
    end
    redis.call("DEL", key, key .. ":logs", key .. ":dependencies", key .. ":processed",
      key .. ":failed", key .. ":unsuccessful")
    redis.call("XADD", KEYS[3], "MAXLEN", "~", longest, "*", "event", "removed",
      "jobId", id, "prev", ARGV[i + 1])
    finished = finished + 1
  end
end
return finished
