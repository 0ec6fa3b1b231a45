-- Counts a request of KEYS[1], unless it is too much, by the clock of Redis.
-- ARGV[1] is the time in which one more is allowed, ARGV[2] that in which a whole burst
-- comes back, in microseconds. Gives what was missing of the burst before.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local whole = tonumber(redis.call('GET', KEYS[1]) or now)
-- Never more than a burst is missing, also if the clock has been set back or the limit changed.
local missing = math.min(math.max(whole - now, 0), window)
local after = missing + interval
if after <= window then
  redis.call('SET', KEYS[1], string.format('%.0f', now + after), 'PX', math.ceil(after / 1000))
end
return missing
