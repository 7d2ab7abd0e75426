-- Where members stand (rule P10). KEYS: meta, entries, places. ARGV: era, n, the bytes of the incarnation that writes, and
-- members with their places. Writes only what it owns and what exists; answers how many, or why not.
local META, ENTRIES, PLACES = unpack(KEYS)

-- Lua hands only so many values at once to a call.
local atOnce = 1000

local function membersFrom(at)
  local members, places = {}, {}
  local last = math.min(#ARGV[4], at + atOnce * 16 - 1)
  for from = at, last, 16 do
    local member = struct.unpack(">I8", ARGV[4], from)
    members[#members + 1] = digits(member)
    places[#places + 1] = string.sub(ARGV[4], from + 8, from + 15)
  end
  return members, places
end

local function writeFrom(at)
  local members, places = membersFrom(at)
  local keys, mine = {}, {}
  for index, member in ipairs(members) do keys[index] = memberPrefix .. member end
  for index, bytes in ipairs(redis.call("HMGET", ENTRIES, unpack(keys))) do
    local _, _, owner = entryHead(bytes or struct.pack(">I8I8I2", 0, 0, 0))
    if string.sub(owner, 9) == ARGV[3] then
      mine[#mine + 1] = members[index]
      mine[#mine + 1] = places[index]
    end
  end
  if #mine > 0 then redis.call("HSET", PLACES, unpack(mine)) end
  return #mine / 2
end

local function run()
  local era, node, runner = incarnationOf(ARGV[3], 1)
  local known = redis.call("HMGET", META, "era", "n", "applied", "fence/" .. runner)
  local applied = tonumber(known[3] or -1)
  local isOfNow = known[1] and compare(tonumber(known[1]), tonumber(known[2]), tonumber(ARGV[1]), tonumber(ARGV[2])) == 0
  if not isOfNow then return { "Missing", "", applied } end
  if isBelow(known[4], era, node) then return { "Fenced", "", applied } end
  local written = 0
  for at = 1, #ARGV[4], atOnce * 16 do written = written + writeFrom(at) end
  return { "", written }
end

return run()
