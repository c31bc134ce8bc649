-- Removes what is too old or too much.
--
-- ARGV  7 how many entries stay    8 how old they may be, in ms

local BATCH = 64
local oldest = now - tonumber(ARGV[8])
local keep = math.max(head - tonumber(ARGV[7]) + 1, 0)

expire()
redis.call('XTRIM', LOG, 'MINID', whole(keep) .. '-0')
while true do
  local batch = redis.call('XRANGE', LOG, '-', '+', 'COUNT', BATCH)
  local gone
  for _, entry in ipairs(batch) do
    local fields = entry[2]
    if tonumber(fields[8]) >= oldest then break end
    gone = entry[1]
  end
  if not gone then break end
  redis.call('XTRIM', LOG, 'MINID', whole(tonumber(string.match(gone, '^(%d+)')) + 1) .. '-0')
end
return answer({})
