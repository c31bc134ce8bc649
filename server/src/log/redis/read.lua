-- Reads what comes right after an offset.
--
-- ARGV  7 the offset    8 how many entries at most
-- Answers the stream's entries.

local after = tonumber(ARGV[7])
if after >= head then return answer({}) end
return answer(redis.call('XRANGE', LOG, whole(after + 1) .. '-0', '+', 'COUNT', ARGV[8]))
