-- Where members stand (rule P10). KEYS: meta, entries, places. ARGV: era, n, the bytes of the incarnation that writes, the
-- keys of the members, packed, and their places, eight bytes each. Writes only what that incarnation owns and what exists;
-- answers how many, or why not.
local META, ENTRIES, PLACES = unpack(KEYS)
local by, members, places = ARGV[3], cmsgpack.unpack(ARGV[4]), ARGV[5]

-- Lua hands only so many values at once to a call.
local atOnce = 1000

-- In the bytes of an entry: how long an owner of this incarnation is, and where it stands behind its connection.
local ownerLength = struct.pack(">I2", 8 + #by)
local ownerEnd = 26 + #by

local function writeFrom(from, to)
  local mine = {}
  for at, bytes in ipairs(redis.call("HMGET", ENTRIES, unpack(members, from, to))) do
    if bytes and string.sub(bytes, 17, 18) == ownerLength and string.sub(bytes, 27, ownerEnd) == by then
      local place = (from + at - 2) * 8
      mine[#mine + 1] = members[from + at - 1]
      mine[#mine + 1] = string.sub(places, place + 1, place + 8)
    end
  end
  if #mine > 0 then redis.call("HSET", PLACES, unpack(mine)) end
  return #mine / 2
end

local function run()
  local era, node, runner = incarnationOf(by, 1)
  local known = redis.call("HMGET", META, "era", "n", "empty", "applied", "fence/" .. runner)
  local knownEra, knownN = generationOf(known[1], known[2], known[3])
  local applied = tonumber(known[4] or -1)
  local isOfNow = knownEra and compare(knownEra, knownN, tonumber(ARGV[1]), tonumber(ARGV[2])) == 0
  if not isOfNow then return { "Missing", "", applied } end
  if isBelow(known[5], era, node) then return { "Fenced", "", applied } end
  local written = 0
  for from = 1, #members, atOnce do written = written + writeFrom(from, math.min(from + atOnce - 1, #members)) end
  return { "", written }
end

return run()
