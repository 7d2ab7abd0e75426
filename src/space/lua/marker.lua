-- Writes ARGV[1] where there is no marker, or still ARGV[2]; answers the one that stands then (rule L12). KEYS: marker.
local marker = redis.call("GET", KEYS[1])
if marker and marker ~= ARGV[2] then return marker end
redis.call("SET", KEYS[1], ARGV[1])
return ARGV[1]
