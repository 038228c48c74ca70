/**
 * What the cache does in Redis, as scripts: each runs alone and whole. All get the keys of the state and of what is due,
 * and the namespace as first argument; the other keys they make from it, so one server holds a namespace, not a
 * cluster's shards. Numbers are compared as doubles, which hold every safe integer, and stored as they came.
 */
const prelude = `
local state, due, ns = KEYS[1], KEYS[2], ARGV[1]
local function order(entity) return ns .. 'sync:order:' .. entity end
local function split(field)
  local colon = string.find(field, ':', 1, true)
  return string.sub(field, 1, colon - 1), string.sub(field, colon + 1)
end
local function index(field, line)
  local kind, at = string.match(line, ' (%a) (%d*)$')
  local score = '+inf'
  if kind == 'd' then score = '-' .. at elseif kind == 'l' and at ~= '' then score = at end
  local entity, id = split(field)
  redis.call('ZADD', due, score, field)
  redis.call('ZADD', order(entity), 0, id)
end
local function note(field, line)
  redis.call('HSET', state, field, line)
  index(field, line)
end
local function forget(field)
  local entity, id = split(field)
  redis.call('UNLINK', ns .. field)
  redis.call('HDEL', state, field)
  redis.call('ZREM', due, field)
  redis.call('ZREM', order(entity), id)
end
local function advance(partition, incarnation, n, always)
  local all = cjson.decode(redis.call('HGET', state, '@positions') or '{}')
  local held = all[partition]
  local behind = held and held[1] == incarnation and tonumber(held[2]) > tonumber(n)
  if behind and not always then return end
  all[partition] = {incarnation, n}
  redis.call('HSET', state, '@positions', cjson.encode(all))
end
local function lines()
  return redis.call('HLEN', state) - redis.call('HEXISTS', state, '@positions')
    - redis.call('HEXISTS', state, '@label') - redis.call('HEXISTS', state, '@whole')
end
`;

/**
 * now, sweep at most, how many positions, per position: partition, incarnation, n; then per item: field, version, content,
 * expiry.
 */
const apply = `
local now, results = tonumber(ARGV[2]), {}
local first = 5 + 3 * tonumber(ARGV[4])
for i = first, #ARGV, 4 do
  local field, version, content, expires = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local held = redis.call('HGET', state, field)
  local version_held = held and string.match(held, '^%d+')
  if held and tonumber(version_held) > tonumber(version) then
    results[#results + 1] = version_held
  else
    results[#results + 1] = ''
    if content == '' then
      redis.call('UNLINK', ns .. field)
      note(field, version .. ' d ' .. ARGV[2])
    elseif expires == '' then
      redis.call('SET', ns .. field, content)
      note(field, version .. ' l ')
    elseif tonumber(expires) <= now then
      forget(field)
    else
      redis.call('SET', ns .. field, content, 'PXAT', expires)
      note(field, version .. ' l ' .. expires)
    end
  end
end
for i = 5, first - 1, 3 do advance(ARGV[i], ARGV[i + 1], ARGV[i + 2], false) end
for _, field in ipairs(redis.call('ZRANGEBYSCORE', due, '(0', ARGV[2], 'LIMIT', 0, ARGV[3])) do forget(field) end
return results
`;

/** Per record: field. Gives line and content of each. */
const get = `
local rows = {}
for i = 2, #ARGV do
  rows[#rows + 1] = redis.call('HGET', state, ARGV[i])
  rows[#rows + 1] = redis.call('MGET', ns .. ARGV[i])[1]
end
return rows
`;

/**
 * entity, from, limit, bytes of content at most ('' for none: then a content is '' where it is there). Gives whether
 * there is more, then id, line and content of each.
 */
const page = `
local entity, limit, bytes_max = ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local ids = redis.call('ZRANGEBYLEX', order(entity), ARGV[3], '+', 'LIMIT', 0, limit + 1)
local rows, bytes = {0}, 0
for i, id in ipairs(ids) do
  if i > limit or (bytes_max and bytes > bytes_max) then
    rows[1] = 1
    break
  end
  local field = entity .. ':' .. id
  local content = false
  if bytes_max then
    content = redis.call('MGET', ns .. field)[1]
    if content then bytes = bytes + #content end
  elseif redis.call('EXISTS', ns .. field) == 1 then
    content = ''
  end
  rows[#rows + 1] = id
  rows[#rows + 1] = redis.call('HGET', state, field)
  rows[#rows + 1] = content
end
return rows
`;

/** now, deleted before, at most. Gives how many were forgotten. */
const purge = `
local max = tonumber(ARGV[4])
local fields = redis.call('ZRANGEBYSCORE', due, '(0', ARGV[2], 'LIMIT', 0, max)
for _, field in ipairs(redis.call('ZRANGEBYSCORE', due, '(-' .. ARGV[3], '(0', 'LIMIT', 0, max - #fields)) do
  fields[#fields + 1] = field
end
for _, field in ipairs(fields) do forget(field) end
return #fields
`;

/** Per position: partition, incarnation, n. */
const position = `
for i = 2, #ARGV, 3 do advance(ARGV[i], ARGV[i + 1], ARGV[i + 2], true) end
`;

/** entities. Gives how many lines there are, how many are in order, how many have a time, and whether it is whole. */
const gauge = `
local ordered = 0
for i = 2, #ARGV do ordered = ordered + redis.call('ZCARD', order(ARGV[i])) end
return {lines(), ordered, redis.call('ZCARD', due), redis.call('HEXISTS', state, '@whole')}
`;

/** fields. Notes of contents without a line that they are there. */
const stray = `
for i = 2, #ARGV do
  if redis.call('HEXISTS', state, ARGV[i]) == 0 and redis.call('EXISTS', ns .. ARGV[i]) == 1 then note(ARGV[i], '0 s ') end
end
`;

/** fields. Puts them into order and due where they have a line, and takes them out where they have none. */
const reindex = `
for i = 2, #ARGV do
  local line = redis.call('HGET', state, ARGV[i])
  if line then
    index(ARGV[i], line)
  else
    local entity, id = split(ARGV[i])
    redis.call('ZREM', due, ARGV[i])
    redis.call('ZREM', order(entity), id)
  end
end
`;

/** counter key as third key; now, end of a new window, its length. Gives the count and the end. */
const count = `
local held = redis.call('HMGET', KEYS[3], 'n', 'ends')
if held[2] and tonumber(held[2]) > tonumber(ARGV[2]) then
  return {redis.call('HINCRBY', KEYS[3], 'n', 1), held[2]}
end
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[3], 'n', 1, 'ends', ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return {1, ARGV[3]}
`;

const script = (body: string, numberOfKeys = 2) => ({ lua: prelude + body, numberOfKeys });

/** For the client, which sends a script once and its hash from then on. */
export const redisScripts = {
  cacheApply: script(apply),
  cacheGet: script(get),
  cachePage: script(page),
  cachePurge: script(purge),
  cachePosition: script(position),
  cacheGauge: script(gauge),
  cacheStray: script(stray),
  cacheReindex: script(reindex),
  cacheCount: script(count, 3),
} as const;

type ScriptCall = (...args: readonly (string | number)[]) => Promise<unknown>;

/** The scripts as the client offers them: the keys first, then the arguments. */
export type RedisScripts = { readonly [name in keyof typeof redisScripts]: ScriptCall };
