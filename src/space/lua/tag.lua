-- What several scripts know of a tag: its fields in `:meta`, and who is fenced. Bytes are laid out as RedisValues.ts says.

-- Lua writes numbers of more than 14 digits as 1e+15.
local function digits(number)
  return string.format("%.0f", number)
end

local function twoNumbers(text)
  local first, second = string.match(text, "^(%S+) (%S+)$")
  return tonumber(first), tonumber(second)
end

-- By first, then by second: offsets and indexes, eras and numbers or nodes. Negative, zero or positive.
local function compare(firstA, secondA, firstB, secondB)
  if firstA ~= firstB then return firstA - firstB end
  return secondA - secondB
end

-- The generation of a tag, from its fields `era`, `n` and `empty`, of which the last stands for both others.
local function generationOf(era, n, empty)
  if empty then return twoNumbers(empty) end
  if era then return tonumber(era), tonumber(n) end
end

-- Era, node and runner of an owner, from the bytes that say which incarnation it is.
local function incarnationOf(bytes, at)
  local era, node, runner = struct.unpack(">I8I8I2c0", bytes, at)
  return era, node, runner
end

-- `fence` is the field of this runner, or false.
local function isBelow(fence, era, node)
  if not fence then return false end
  local fenceEra, fenceNode = twoNumbers(fence)
  return compare(era, node, fenceEra, fenceNode) < 0
end

-- Version, deadline plus one or 0, and owner of an entry; the owner is "" where there is none.
local function entryHead(bytes)
  local version, due, owner = struct.unpack(">I8I8I2c0", bytes)
  return version, due, owner
end
