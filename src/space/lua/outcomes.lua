-- The outcomes a tag remembers (rule L6): per session a rising list of ids, the lowest of which goes when there are too
-- many; sessions by the offset they were last decided at, the oldest of which goes.

-- Sessions that are forgotten for their age by one commit: never more than one is new, so they do not pile up.
local agedAtOnce = 16

local function forgetIds(outcomesKey, session, ids, from)
  for at = from, #ids, 8 do
    redis.call("HDEL", outcomesKey, "o" .. string.sub(ids, at, at + 7) .. session)
  end
end

local function forgetSession(outcomesKey, sessionsKey, session)
  local kept = redis.call("HGET", outcomesKey, "s" .. session)
  if kept then
    forgetIds(outcomesKey, session, kept, 9)
    redis.call("HDEL", outcomesKey, "s" .. session)
  end
  redis.call("ZREM", sessionsKey, session)
end

local function forgetOldest(outcomesKey, sessionsKey, oldestMs)
  for _ = 1, agedAtOnce do
    local session = redis.call("ZRANGE", sessionsKey, 0, 0)[1]
    if not session then return end
    local lastMs = struct.unpack(">I8", redis.call("HGET", outcomesKey, "s" .. session))
    if lastMs >= oldestMs and redis.call("ZCARD", sessionsKey) <= outcomeSessionsMax then return end
    forgetSession(outcomesKey, sessionsKey, session)
  end
end

-- The ids with one more; ids rise, so its place is nearly always the end.
local function withId(ids, id)
  local at = #ids
  while at > 0 do
    local other = struct.unpack(">I8", ids, at - 7)
    if other == id then return ids end
    if other < id then break end
    at = at - 8
  end
  return string.sub(ids, 1, at) .. struct.pack(">I8", id) .. string.sub(ids, at + 1)
end

-- Remembers what the record at `offset` decided, at `nowMs` of its own time. Outcomes from before `oldestMs` are void.
local function remember(outcomesKey, sessionsKey, outcome, offset, nowMs, oldestMs)
  local session = outcome.session
  local kept = redis.call("HGET", outcomesKey, "s" .. session)
  local ids = kept and string.sub(kept, 9) or ""
  if kept and struct.unpack(">I8", kept) < oldestMs then
    forgetIds(outcomesKey, session, ids, 1)
    ids = ""
  end
  ids = withId(ids, outcome.id)
  redis.call(
    "HSET", outcomesKey, "o" .. struct.pack(">I8", outcome.id) .. session,
    struct.pack(">I2", #outcome.bodyHash) .. outcome.bodyHash .. outcome.answer
  )
  if #ids > outcomesMax * 8 then
    forgetIds(outcomesKey, session, string.sub(ids, 1, 8), 1)
    ids = string.sub(ids, 9)
  end
  redis.call("HSET", outcomesKey, "s" .. session, struct.pack(">I8", nowMs) .. ids)
  redis.call("ZADD", sessionsKey, offset, session)
  if not kept then forgetOldest(outcomesKey, sessionsKey, oldestMs) end
end
