-- Takes jobs out of one of BullMQ's sets into the import's hash: each only if it still is
-- where it was read, as it was read. Returns the ids of those taken.
-- KEYS: 1 the import's hash, 2 the set or list
-- ARGV: 1 what job keys begin with, 2 "zset" or "list",
--       then five for each job: id, data, timestamp, score (of a zset), what to keep of it
local taken = {}
for i = 3, #ARGV, 5 do
  local id, key = ARGV[i], ARGV[1] .. ARGV[i]
  local job = redis.call("HMGET", key, "data", "timestamp", "parentKey", "rjk")
  local children = redis.call("EXISTS", key .. ":dependencies", key .. ":processed",
    key .. ":failed", key .. ":unsuccessful")
  if job[1] == ARGV[i + 1] and job[2] == ARGV[i + 2] and not job[3] and not job[4]
    and children == 0 then
    local removed = 0
    if ARGV[2] == "list" then
      removed = redis.call("LREM", KEYS[2], -1, id)
    elseif redis.call("ZSCORE", KEYS[2], id) == ARGV[i + 3] then
      removed = redis.call("ZREM", KEYS[2], id)
    end
    if removed == 1 then
      redis.call("HSET", KEYS[1], id, ARGV[i + 4])
      taken[#taken + 1] = id
    end
  end
end
return taken
