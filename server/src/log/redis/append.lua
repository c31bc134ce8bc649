-- Appends events and gaps of one tenant, in order, all or none.
--
-- KEYS  from 6 on: for each repeatable event the key that remembers its id
-- ARGV  7 how many entries stay    8 how long an id is remembered, in ms
--       9, 10 how long what is untouched and what has ended stays in the view, in ms
--       then for each: kind (empty for a gap), repeatable ("1" or "0"), where the newest event of its
--       first slot's entity must stand (or ""), readers, json, fate, the number of slots, and for each
--       slot: key, entity, twin (or "")
-- Answers for each: its offset, and 0; 1 when it was there already; 2 when its entity doesn't stand
-- where it must, and nothing was appended.

local KEEP, WINDOW = tonumber(ARGV[7]), ARGV[8]
local UNTOUCHED, ENDED = tonumber(ARGV[9]), tonumber(ARGV[10])

local argument, remembered = 11, 6
local function take()
  argument = argument + 1
  return ARGV[argument - 1]
end

-- Whether the event in a slot fills both sides' slots of a conversation, and the slot's entity.
local function look(slot)
  local value = slot ~= '' and redis.call('HGET', VIEW, slot)
  if not value then return false end
  local shared, entity = string.match(value, '^%d+\n(%d)\n([^\n]*)')
  return shared == '1', entity
end

-- Puts an event into a slot and sets how long the slot's whole entity stays.
local function put(slot, entity, value, ended, leaves)
  local _, slots = entity_record(entity)
  if not string.find(slots, '\n' .. slot .. '\n', 1, true) then slots = slots .. slot .. '\n' end
  redis.call('HSET', VIEW, slot, value)
  redis.call('HSET', ENTITIES, entity, (ended and '1' or '0') .. slots)
  redis.call('ZADD', LEAVES, whole(leaves), entity)
end

local function remove(slot, entity)
  redis.call('HDEL', VIEW, slot)
  local ended, slots = entity_record(entity)
  local from, to = string.find(slots, '\n' .. slot .. '\n', 1, true)
  if from then slots = string.sub(slots, 1, from) .. string.sub(slots, to + 1) end
  if slots == '\n' then
    redis.call('HDEL', ENTITIES, entity)
    redis.call('ZREM', LEAVES, entity)
  else
    redis.call('HSET', ENTITIES, entity, (ended and '1' or '0') .. slots)
  end
end

-- Removes what takes back the other side's share in a notice that stood in this slot until now.
local function release(twin)
  local _, entity = look(twin)
  if entity and entity_record(entity) then remove(twin, entity) end
end

local function compact(slot, entity, twin, fate, value, shared)
  local has_ended = entity_record(entity)
  if fate == 'part' and has_ended then
    -- A part that comes after its whole has ended leaves with it.
    put(slot, entity, value, true, tonumber(redis.call('ZSCORE', LEAVES, entity)) or now)
    return
  end
  if fate == 'gone' then
    -- A notice that both sides share would come back through the other side's slot, so there the
    -- event that takes it back stays as well.
    if shared or not look(twin) then
      remove(slot, entity)
      release(twin)
      return
    end
    put(slot, entity, value, true, now + UNTOUCHED)
  elseif fate == 'ended' then
    put(slot, entity, value, true, now + ENDED)
  else
    put(slot, entity, value, false, now + UNTOUCHED)
  end
  if not shared then release(twin) end
end

-- The offset of an event with this id, when it is in this log and recent.
local function repeated(key)
  local place = redis.call('GET', key)
  if not place then return nil end
  local of, offset = string.match(place, '^(%S+) (%d+)$')
  return of == birth and tonumber(offset) <= head and offset or nil
end

-- Where the newest event of an entity stands, 0 where there is none.
local function newest(entity)
  local newest = 0
  local _, slots = entity_record(entity)
  for slot in string.gmatch(slots, '[^\n]+') do
    local value = redis.call('HGET', VIEW, slot)
    newest = math.max(newest, value and tonumber(string.match(value, '^%d+')) or 0)
  end
  return newest
end

local answers, lines = {}, {}
while argument <= #ARGV do
  local kind, repeatable, after, readers, json = take(), take() == '1', take(), take(), take()
  local fate, slots = take(), tonumber(take())
  local key
  if repeatable then
    key = KEYS[remembered]
    remembered = remembered + 1
  end
  local place = key and repeated(key)
  if place then
    argument = argument + 3 * slots
    table.insert(answers, place)
    table.insert(answers, '1')
  elseif after ~= '' and newest(slots > 0 and ARGV[argument + 1] or '') ~= tonumber(after) then
    argument = argument + 3 * slots
    table.insert(answers, '0')
    table.insert(answers, '2')
  else
    head = head + 1
    local offset = whole(head)
    redis.call('XADD', LOG, offset .. '-0', 'k', kind, 'r', readers, 'j', json, 't', whole(now))
    if key then redis.call('SET', key, birth .. ' ' .. offset, 'PX', WINDOW) end
    local shared = slots > 1
    for _ = 1, slots do
      local slot, entity, twin = take(), take(), take()
      local value = table.concat({ offset, shared and '1' or '0', entity, readers, json }, '\n')
      compact(slot, entity, twin, fate, value, shared)
    end
    for _, line in ipairs({ offset, kind, readers, json }) do
      table.insert(lines, line)
    end
    table.insert(answers, offset)
    table.insert(answers, '0')
  end
end

if #lines > 0 then
  redis.call('HSET', META, 'head', whole(head))
  -- Whole nodes of the stream go, which costs next to nothing; `trim.lua` is exact.
  if head > KEEP then redis.call('XTRIM', LOG, 'MINID', '~', whole(head - KEEP + 1) .. '-0') end
  signal(lines)
end
return answer(answers)
