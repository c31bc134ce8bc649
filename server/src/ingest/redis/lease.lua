-- Renews a node's lease and counts the others that are alive.
--
-- KEYS  1 sorted set of nodes by the time their lease ends
-- ARGV  1 the node    2 how long its lease lasts, in ms

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
return redis.call('ZCARD', KEYS[1]) - 1
