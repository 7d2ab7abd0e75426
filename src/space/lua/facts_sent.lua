-- Forgets the facts of records up to the offset in ARGV[1]: they are on the log (rule L4). KEYS: facts.
while true do
  local oldest = redis.call("LINDEX", KEYS[1], 0)
  if not oldest or struct.unpack(">I8", oldest) > tonumber(ARGV[1]) then return end
  redis.call("LPOP", KEYS[1])
end
