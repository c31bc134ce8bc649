-- Where a tenant's log stands. Every script of the log begins with this page.
--
-- KEYS  1 meta: hash of epoch, head, life, birth    2 log: stream, ids <offset>-0
--       3 view: slot -> offset, shared, entity, readers, json; a line each
--       4 entities: entity -> "1" when it has ended, else "0"; then its slots, a line each
--       5 leaves: sorted set of entities by the time they leave the view
-- ARGV  1 tenant    2 whether the log may begin, "1" or "0"    3 an epoch, should one be needed
--       4, 5 the epoch and head that the caller knows, or "" and "0"    6 the channel for signals

local META, LOG, VIEW, ENTITIES, LEAVES = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Offsets are whole numbers below 2^53, and must not be written as 1e+15.
local function whole(number)
  return string.format('%.0f', number)
end

-- Which server process this is, and since which promotion: another one may have lost the newest
-- writes, so its log is another life. An answer that is withheld is the same for everybody.
local function life()
  local server = redis.pcall('INFO', 'server')
  local replication = redis.pcall('INFO', 'replication')
  if type(server) ~= 'string' or type(replication) ~= 'string' then return '' end
  return (string.match(server, 'run_id:(%x+)') or '') .. '/' .. (string.match(replication, 'master_replid2:(%x+)') or '')
end

local epoch, head, birth

-- Tells every node where the log stands, with the entries that are new: offset, kind, readers and
-- json, a line each.
local function signal(lines)
  local first = ARGV[1] .. ' ' .. epoch .. ' ' .. whole(head)
  table.insert(lines, 1, first)
  redis.call('PUBLISH', ARGV[6], table.concat(lines, '\n'))
end

local function stand()
  local found = redis.call('HMGET', META, 'epoch', 'head', 'life', 'birth')
  local here = life()
  epoch, head, birth = found[1], tonumber(found[2] or '0'), found[4]
  if not epoch then
    if ARGV[2] ~= '1' then return false end
    redis.call('DEL', LOG, VIEW, ENTITIES, LEAVES)
    epoch, birth = ARGV[3], ARGV[3]
  elseif found[3] == here and not (epoch == ARGV[4] and head < tonumber(ARGV[5])) then
    return true
  else
    epoch = ARGV[3]
  end
  redis.call('HSET', META, 'epoch', epoch, 'head', whole(head), 'life', here, 'birth', birth)
  signal({})
  return true
end

-- What a script answers. Numbers go as text, since an epoch has more digits than a Lua number.
local function answer(found)
  return { epoch, whole(head), found }
end

-- The record of an entity: whether it has ended, and its slots between line breaks.
local function entity_record(entity)
  local record = redis.call('HGET', ENTITIES, entity)
  if not record then return false, '\n' end
  return string.sub(record, 1, 1) == '1', string.sub(record, 2)
end

-- Takes out of the view what has stayed long enough.
local function expire()
  for _, entity in ipairs(redis.call('ZRANGEBYSCORE', LEAVES, '-inf', whole(now))) do
    local _, slots = entity_record(entity)
    for slot in string.gmatch(slots, '[^\n]+') do
      redis.call('HDEL', VIEW, slot)
    end
    redis.call('HDEL', ENTITIES, entity)
    redis.call('ZREM', LEAVES, entity)
  end
end

if not stand() then return {} end
