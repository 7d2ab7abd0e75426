-- One commit: KEYS are the eight of the tag, those of the streams it appends to, and those it discards; ARGV[1] is the
-- commit as RedisCommit.ts packs it. Everything is checked before the first write, since Lua does not roll back (rule C1).
-- Answers {"", numbers, versions}, or {reason, key, applied}, or {"Discard", fields}: see `discards` below.
local META, ENTRIES, DUE, PLACES, OUTCOMES, SESSIONS, FACTS, TOKENS = unpack(KEYS, 1, 8)
local commit = cmsgpack.unpack(ARGV[1])

-- What the tag holds, as read so far and as it will be. A void tag is of an older generation, or of none: it counts as
-- empty, and what it holds goes before the first write (rule L12).
local isVoid = false
local isRemoved = false
-- Whether it held nothing before, and whether something was taken away: else it cannot have become empty.
local wasEmpty, isLess = false, false
local applied = -1
local fields, changedFields, entries, heads = {}, {}, {}, {}

local function field(name)
  if fields[name] == nil then fields[name] = not isVoid and redis.call("HGET", META, name) or false end
  return fields[name]
end

local function setField(name, value)
  fields[name] = value
  changedFields[name] = value
end

local function entry(key)
  if entries[key] == nil then entries[key] = not isVoid and redis.call("HGET", ENTRIES, key) or false end
  return entries[key]
end

local function headOf(stream)
  if not heads[stream] then
    local seq, trimmedTo = twoNumbers(field("head/" .. stream) or "0 0")
    heads[stream] = { seq = seq, trimmedTo = trimmedTo }
  end
  return heads[stream]
end

local function refused(reason, key)
  return { reason, key or "", applied }
end

-- Guards: each answers why not, or nothing.

local guards = {}

-- Rules L3 and L4: offsets rise from the tag's mark, the sources of each partition from theirs.
guards.Applied = function(guard)
  local last = isVoid and -1 or applied
  local marks = {}
  if #guard.records == 0 then return refused("Applied") end
  if guard.after and guard.after ~= last then return refused("Applied") end
  for _, record in ipairs(guard.records) do
    if record.offset <= last then return refused("Applied") end
    last = record.offset
    local source = record.source
    if source then
      local mark = marks[source.key] or field("source/" .. source.key)
      if mark then
        local offset, index = twoNumbers(mark)
        if compare(source.offset, source.index, offset, index) <= 0 then return refused("Source", source.key) end
      end
      marks[source.key] = digits(source.offset) .. " " .. digits(source.index)
    end
  end
end

local function isFenced(by)
  local era, node, runner = incarnationOf(by, 9)
  return isBelow(field("fence/" .. runner), era, node)
end

local function ownerAt(key)
  local bytes = entry(key)
  if not bytes then return "" end
  local _, _, owner = entryHead(bytes)
  return owner
end

guards.Owned = function(guard)
  if isFenced(guard.by) then return refused("Fenced", guard.key) end
  if ownerAt(guard.key) ~= guard.by then return refused("NotOwner", guard.key) end
end

-- Rule P3: a higher connection, or with the same one a newer incarnation of the same runner, or its own.
local function mayTake(owner, by)
  if owner == "" then return false end
  local mine, theirs = struct.unpack(">I8", by), struct.unpack(">I8", owner)
  if mine ~= theirs then return theirs < mine end
  if owner == by then return true end
  local era, node, runner = incarnationOf(owner, 9)
  local byEra, byNode, byRunner = incarnationOf(by, 9)
  return runner == byRunner and compare(era, node, byEra, byNode) < 0
end

guards.Takeover = function(guard)
  if isFenced(guard.by) then return refused("Fenced", guard.key) end
  if not mayTake(ownerAt(guard.key), guard.by) then return refused("NotOwner", guard.key) end
end

guards.Create = function(guard)
  if isFenced(guard.by) then return refused("Fenced") end
end

guards.Compared = function(guard)
  if guard.by and isFenced(guard.by) then return refused("Fenced") end
end

-- Checks beyond the guard.

local function changedReads()
  for _, read in ipairs(commit.reads) do
    local bytes = entry(read.key)
    local version = bytes and entryHead(bytes) or 0
    local isOthers = read.owner and ownerAt(read.key) ~= read.owner
    if version ~= read.version or isOthers then return refused("Conflict", read.key) end
  end
end

-- What counters and heads will be, change by change; a PutNext learns its number and its key.
local counters = {}

local function count(counter, by)
  local value = (counters[counter] or tonumber(field("counter/" .. counter) or 0)) + by
  counters[counter] = value
  return value
end

local checks = {}

checks.Count = function(change)
  local value = count(change.counter, change.by)
  if value < 0 or value > change.max then return refused("Full", change.counter) end
end

checks.Raise = function(change)
  local value = count(change.counter, 0)
  if value < change.below then count(change.counter, change.to - value) end
end

checks.Put = function(change)
  if commit.guard._tag == "Create" and entry(change.key) then return refused("Exists", change.key) end
end

checks.PutNext = function(change)
  change.number = count(change.counter, 1)
  change.key = change.prefix .. digits(change.number)
  return checks.Put(change)
end

-- A stream whose seq ran back would look complete to a view that is not (rule C3).
checks.Append = function(change)
  local head = headOf(change.stream)
  if change.seq <= head.seq then return refused("Applied", change.stream) end
  head.seq = change.seq
end

checks.RemoveTag = function()
  isRemoved = true
end

local function refusedChange()
  for _, change in ipairs(commit.changes) do
    local check = checks[change._tag]
    local refusal = check and check(change)
    if refusal then return refusal end
  end
end

-- Streams and queues of a void or removed tag have names that only the tag knows: the caller is told them, and comes again having
-- declared their keys. Answers those it has not declared.
local function discards()
  local declared, missing = {}, {}
  for _, name in ipairs(commit.discard) do declared[name] = true end
  for _, name in ipairs(redis.call("HKEYS", META)) do
    local isKey = string.sub(name, 1, 5) == "head/" or string.sub(name, 1, 6) == "queue/"
    if isKey and not declared[name] then missing[#missing + 1] = name end
  end
  return missing
end

-- Writing. Nothing is refused from here on.

local numbers, versions = {}, {}
local lastVersion

local function put(key, change)
  local before = entry(key)
  local version, due = lastVersion, 0
  if before then version, due = entryHead(before) end
  version = version + 1
  lastVersion = math.max(lastVersion, version)
  versions[#versions + 1] = version
  local owner = change.owner or ""
  local head = struct.pack(">I8I8I2", version, change.dueMs and change.dueMs + 1 or 0, #owner)
  entries[key] = head .. owner .. change.value
  redis.call("HSET", ENTRIES, key, entries[key])
  if change.dueMs then redis.call("ZADD", DUE, change.dueMs, key) elseif due > 0 then redis.call("ZREM", DUE, key) end
end

-- Seqs of a queue's oldest lines that its bounds leave no room for, some at a time.
local function cutLines(queue, length, change)
  local seqs = {}
  for at, line in ipairs(redis.call("LRANGE", queue, 0, 15)) do
    local seq, timeMs = twoNumbers(line)
    local isOld = change.ageMsMax > 0 and timeMs < change.timeMs - change.ageMsMax
    if length - at < change.countMax and not isOld then break end
    seqs[at] = seq
  end
  return seqs
end

local writes = {}

writes.Put = function(change)
  put(change.key, change)
end

writes.PutNext = function(change)
  numbers[#numbers + 1] = change.number
  put(change.key, change)
end

writes.Delete = function(change)
  isLess = true
  -- It is told with the version that comes next: no later value may have that.
  local before = entry(change.key)
  if before then lastVersion = math.max(lastVersion, entryHead(before) + 1) end
  redis.call("HDEL", ENTRIES, change.key)
  redis.call("ZREM", DUE, change.key)
  entries[change.key] = false
  redis.call("HDEL", PLACES, change.key)
end

writes.Append = function(change)
  local lines, queue, head = KEYS[change.lines], KEYS[change.queue], headOf(change.stream)
  redis.call("XADD", lines, digits(change.seq) .. "-0", "class", change.class, "value", change.value)
  local length = redis.call("RPUSH", queue, digits(change.seq) .. " " .. digits(change.timeMs))
  if length == 1 then setField(change.queueField, "") end
  local seqs = cutLines(queue, length, change)
  while #seqs > 0 do
    redis.call("LPOP", queue, #seqs)
    length = length - #seqs
    for _, seq in ipairs(seqs) do
      redis.call("XDEL", lines, digits(seq) .. "-0")
      head.trimmedTo = math.max(head.trimmedTo, seq)
    end
    seqs = cutLines(queue, length, change)
  end
  setField("head/" .. change.stream, digits(head.seq) .. " " .. digits(head.trimmedTo))
end

writes.Forget = function(change)
  forgetSession(OUTCOMES, SESSIONS, change.session)
end

-- Of too many fences the one of the lowest epoch goes, but not the one that was raised just now.
local function boundFences(raised)
  if redis.call("HLEN", META) <= fencesMax then return end
  local count, lowest, lowestEra, lowestNode = 0, nil, nil, nil
  local all = redis.call("HGETALL", META)
  for at = 1, #all, 2 do
    local name = all[at]
    if string.sub(name, 1, 6) == "fence/" then
      count = count + 1
      local era, node = twoNumbers(all[at + 1])
      local order = lowest and compare(era, node, lowestEra, lowestNode) or -1
      if name ~= raised and (order < 0 or (order == 0 and name < lowest)) then
        lowest, lowestEra, lowestNode = name, era, node
      end
    end
  end
  if count <= fencesMax then return end
  redis.call("HDEL", META, lowest)
  fields[lowest] = false
  changedFields[lowest] = nil
end

-- Never lowered (rule P8).
writes.Fence = function(change)
  local name = "fence/" .. change.runner
  local fence = field(name)
  if fence and not isBelow(digits(change.era) .. " " .. digits(change.node), twoNumbers(fence)) then return end
  setField(name, digits(change.era) .. " " .. digits(change.node))
  redis.call("HSET", META, name, fields[name])
  if not fence then boundFences(name) end
end

-- Where no member stands, nobody is placed (rule P10).
writes.Place = function(change)
  if entry(change.key) then redis.call("HSET", PLACES, change.key, change.place) end
end

local function applyRecords(records)
  local nowMs = tonumber(field("now") or 0)
  for _, record in ipairs(records) do
    nowMs = math.max(nowMs, record.timeMs)
    if record.source then
      setField("source/" .. record.source.key, digits(record.source.offset) .. " " .. digits(record.source.index))
    end
    if record.outcome then
      local oldestMs = commit.isChannel and -math.huge or nowMs - outcomeAgeMs
      remember(OUTCOMES, SESSIONS, record.outcome, record.offset, nowMs, oldestMs)
    end
    if record.facts then redis.call("RPUSH", FACTS, struct.pack(">I8", record.offset) .. record.facts) end
    setField("applied", digits(record.offset))
  end
  setField("now", digits(nowMs))
end

-- A ring: the token that is older than all others gives up its slot.
local function keepToken(answer)
  local slot = "s" .. redis.call("HINCRBY", TOKENS, "next", 1) % tokensMax
  local oldest = redis.call("HGET", TOKENS, slot)
  if oldest then redis.call("HDEL", TOKENS, "t" .. oldest) end
  redis.call("HSET", TOKENS, slot, commit.token, "t" .. commit.token, cmsgpack.pack(answer))
  redis.call("PEXPIRE", TOKENS, idleKeptMs)
end

local function writeFields()
  local list = {}
  for name, value in pairs(changedFields) do
    list[#list + 1] = name
    list[#list + 1] = value
  end
  if #list > 0 then redis.call("HSET", META, unpack(list)) end
end

local function isEmpty()
  if commit.isChannel or field("applied") or redis.call("HLEN", ENTRIES) > 0 then return false end
  for _, name in ipairs(redis.call("HKEYS", META)) do
    if string.sub(name, 1, 5) == "head/" then return false end
  end
  return true
end

-- A tag that holds nothing is to go, and is marked so. Whoever does not know the mark, as release 0.1.0, finds no generation
-- there and founds the tag anew, which is then not to go: else what that writes would go with it.
local function setExpiry()
  if not (wasEmpty or isLess or isVoid) then return end
  if isEmpty() then
    redis.call("HSET", META, "empty", digits(commit.era) .. " " .. digits(commit.n))
    redis.call("HDEL", META, "era", "n")
    redis.call("PEXPIRE", META, idleKeptMs)
  elseif wasEmpty then
    redis.call("HSET", META, "era", digits(commit.era), "n", digits(commit.n))
    redis.call("HDEL", META, "empty")
    redis.call("PERSIST", META)
  end
end

local function discard()
  for _, key in ipairs(KEYS) do redis.call("UNLINK", key) end
end

local function publish()
  for _, tell in ipairs(commit.tell) do redis.call("PUBLISH", tell.channel, tell.bytes) end
end

local function write()
  if isVoid then
    discard()
    setField("era", digits(commit.era))
    setField("n", digits(commit.n))
  end
  local versionBefore = tonumber(field("version") or 0)
  lastVersion = versionBefore
  -- Outcomes come before the changes: a batch that ends a session forgets also what it decided for it.
  if commit.guard._tag == "Applied" then applyRecords(commit.guard.records) end
  for _, change in ipairs(commit.changes) do
    if writes[change._tag] then writes[change._tag](change) end
  end
  local answer = { "", numbers, versions }
  if isRemoved then
    discard()
    publish()
    return answer
  end
  for counter, value in pairs(counters) do setField("counter/" .. counter, digits(value)) end
  if lastVersion > versionBefore then setField("version", digits(lastVersion)) end
  writeFields()
  setExpiry()
  keepToken(answer)
  publish()
  return answer
end

local function run()
  local first = redis.call("HGET", TOKENS, "t" .. commit.token)
  if first then return cmsgpack.unpack(first) end
  local known = redis.call("HMGET", META, "era", "n", "empty", "applied")
  local era, n = generationOf(known[1], known[2], known[3])
  applied = tonumber(known[4] or -1)
  local age = era and compare(era, n, commit.era, commit.n) or -1
  if age > 0 or (age < 0 and not commit.found) then return refused("Missing") end
  isVoid = age < 0
  wasEmpty = known[3] and not isVoid
  local refusal = guards[commit.guard._tag](commit.guard) or changedReads() or refusedChange()
  if refusal then return refusal end
  local missing = (isVoid or isRemoved) and discards() or {}
  if #missing > 0 then return { "Discard", missing } end
  return write()
end

return run()
