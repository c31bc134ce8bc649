-- Reads the compacted view, or one entity's part of it.
--
-- ARGV  7 the entity; without one, everything
-- Answers the view's values: offset, shared, entity, readers and json, a line each.

if not ARGV[7] then
  expire()
  return answer(redis.call('HVALS', VIEW))
end
local values = {}
local _, slots = entity_record(ARGV[7])
for slot in string.gmatch(slots, '[^\n]+') do
  local value = redis.call('HGET', VIEW, slot)
  if value then table.insert(values, value) end
end
return answer(values)
