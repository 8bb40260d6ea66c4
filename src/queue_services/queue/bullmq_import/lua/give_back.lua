-- Puts jobs that the store refused back where they were, and marks that there is work as
-- BullMQ does, so that a worker runs them.
-- KEYS: 1 the import's hash, 2 meta, 3 marker, 4 active
-- ARGV: 1 what job keys begin with, then three for each job: id, where it was, score (of a zset)
local runnable = false
for i = 2, #ARGV, 3 do
  local id, source = ARGV[i], ARGV[1] .. ARGV[i + 1]
  if redis.call("HDEL", KEYS[1], id) == 1 and redis.call("EXISTS", ARGV[1] .. id) == 1 then
    if ARGV[i + 2] == "" then
      redis.call("RPUSH", source, id)
    else
      redis.call("ZADD", source, ARGV[i + 2], id)
    end
    runnable = runnable or ARGV[i + 1] ~= "delayed"
  end
end
local meta = redis.call("HMGET", KEYS[2], "paused", "concurrency")
local full = meta[2] and redis.call("LLEN", KEYS[4]) >= tonumber(meta[2])
if runnable and not meta[1] and not full then
  redis.call("ZADD", KEYS[3], 0, "0")
end
local next = redis.call("ZRANGE", ARGV[1] .. "delayed", 0, 0, "WITHSCORES")
if #next > 0 then
  redis.call("ZADD", KEYS[3], math.floor(tonumber(next[2]) / 4096), "1")
end
return redis.status_reply("OK")
