-- Answers several reading commands as of one moment: one for each key, packed in ARGV[1] as name, argument, ….
local answers = {}
for at, command in ipairs(cmsgpack.unpack(ARGV[1])) do
  answers[at] = redis.call(command[1], KEYS[at], unpack(command, 2))
end
return answers
