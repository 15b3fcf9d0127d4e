"""What runs inside Redis: each of these is one round trip, and nothing happens in between.

The journal is a sorted set. The score of a tag is the count at which it was last invalidated; `+now` is the count
itself, and `+floor` the count below which nothing is remembered. An entry that was computed from count `c` on holds as
long as neither the floor nor one of its tags is above `c`.
"""

# A journal that was lost begins anew at a count that is higher than all before: microseconds grow faster than
# invalidations come. `c <= now` fails only on a server that has forgotten what it had counted.
_JOURNAL = """
local function count_of(journal)
  local now = redis.call('ZSCORE', journal, '+now')
  if now then return tonumber(now) end
  local time = redis.call('TIME')
  local start = time[1] * 1000000 + time[2]
  redis.call('ZADD', journal, start, '+now', start, '+floor')
  return start
end

local function holds(journal, count, now, tags)
  if count > now then return false end
  for _, score in ipairs(redis.call('ZMSCORE', journal, '+floor', unpack(tags))) do
    if score and tonumber(score) > count then return false end
  end
  return true
end

local function lines(text)
  local found = {}
  for line in string.gmatch(text, '[^\\n]+') do found[#found + 1] = line end
  return found
end
"""

# KEYS: entry, journal, lease. ARGV: milliseconds of life from which on the entry is fresh, the lease to take
# if it is not (or nothing), how many milliseconds to hold it.
# Returns: count, milliseconds of life left (0: no entry that holds), whether the lease was taken, tags, payload.
LOOK_UP = (
    _JOURNAL
    + """
local now = count_of(KEYS[2])
local entry = redis.call('HMGET', KEYS[1], 'count', 'tags', 'payload')
local life = 0
if entry[1] and holds(KEYS[2], tonumber(entry[1]), now, lines(entry[2])) then
  life = redis.call('PTTL', KEYS[1])
end
local leads = 0
if ARGV[2] ~= '' and life >= 0 and (life == 0 or life < tonumber(ARGV[1]))
  and redis.call('SET', KEYS[3], ARGV[2], 'NX', 'PX', ARGV[3]) then
  leads = 1
end
if life == 0 then return {now, 0, leads} end
return {now, life, leads, entry[2], entry[3]}
"""
)

# KEYS: entry, journal, lease. ARGV: count before the computation (or nothing: now), milliseconds to live (0: for
# ever), the lease that was held (or nothing), tags, payload. Returns whether the entry holds; else it is not stored.
FILL = (
    _JOURNAL
    + """
if ARGV[3] ~= '' and redis.call('GET', KEYS[3]) == ARGV[3] then redis.call('DEL', KEYS[3]) end
local now = count_of(KEYS[2])
local count = tonumber(ARGV[1]) or now
if not holds(KEYS[2], count, now, lines(ARGV[4])) then return 0 end
redis.call('HSET', KEYS[1], 'count', string.format('%.0f', count), 'tags', ARGV[4], 'payload', ARGV[5])
if ARGV[2] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
"""
)

# KEYS: lease. ARGV: the lease that was held.
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""

# KEYS: journal. ARGV: channel, how many tags to remember, tags.
INVALIDATE = (
    _JOURNAL
    + """
local now = count_of(KEYS[1]) + 1
redis.call('ZADD', KEYS[1], now, '+now')
for _, tag in ipairs(lines(ARGV[3])) do redis.call('ZADD', KEYS[1], now, tag) end
local excess = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[2])
if excess > 0 then
  local floor = redis.call('ZRANGE', KEYS[1], excess - 1, excess - 1, 'WITHSCORES')[2]
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', floor)
  redis.call('ZADD', KEYS[1], floor, '+floor', now, '+now')
end
redis.call('PUBLISH', ARGV[1], ARGV[3])
return 1
"""
)
