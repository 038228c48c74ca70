import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { systemRandom } from '@mindora/runtime';
import { sharedEngine } from '@mindora/testing/engines';
import { Redis } from 'ioredis';
import { openRedisCache, type RedisCache } from '../src/cache/redis.ts';
import { testCache } from './support/cache-suite.ts';
import { batch, item, type StandingClock, standingClock, storedConversation } from './support/samples.ts';

let url: string;
let direct: Redis;
let opened = 0;

/** A cache with keys of its own. The server's clock is the real one, so ours starts there. */
async function open(clock: StandingClock, namespace = `t${process.pid}_${opened++}_`): Promise<RedisCache> {
  const cache = openRedisCache({ url, namespace }, { clock, random: systemRandom() });
  await cache.migrate();
  return cache;
}

beforeAll(async () => {
  ({ url } = await sharedEngine('redis'));
  direct = new Redis(url);
});
afterAll(() => direct.quit());

testCache('Redis', () => standingClock(Date.now()), open);

describe('what a server that is short of memory may evict', () => {
  const namespace = `evicted${process.pid}_`;
  const position = { incarnation: 'bus-1', partition: 0, n: 7 };
  let cache: RedisCache;
  beforeEach(async () => {
    cache = await open(standingClock(Date.now()), namespace);
    const items = ['a', 'b', 'c'].map((id) => item('conversation', id, 3, storedConversation(id, 'u1', 1)));
    await cache.apply({ items: [...items, item('conversation', 'd', 4, null)], positions: [position] });
    await cache.setLabel('filled');
  });
  afterEach(async () => {
    await cache.wipe();
    expect(await direct.keys(`${namespace}*`)).toEqual([]);
    await cache.close();
  });

  const versions = async () => {
    const { records } = await cache.scanVersions('conversation', null, 10);
    return records.map(({ id, version, deleted, evicted = false }) => [id, version, deleted, evicted]);
  };

  test('a content: the version stays, and the record is told to be evicted', async () => {
    await direct.del(`${namespace}conversation:b`);
    expect(await cache.record('conversation', 'b')).toBeNull();
    const [found] = await cache.get([{ entity: 'conversation', id: 'b' }]);
    expect(found).toMatchObject({ version: 3, deleted: false, document: null, evicted: true });
    expect(await versions()).toContainEqual(['b', 3, false, true]);
    const older = item('conversation', 'b', 2, storedConversation('b', 'u1', 1));
    expect(await cache.apply(batch(older))).toEqual([{ outcome: 'stale', version: 3 }]);
    await cache.apply(batch(item('conversation', 'b', 3, storedConversation('b', 'u1', 1))));
    expect(await cache.record('conversation', 'b')).not.toBeNull();
  });

  test('versions and positions go together, so that a gap shows, and contents left behind are no records', async () => {
    await direct.del(`${namespace}sync:state`);
    expect([await cache.positions(), await cache.label()]).toEqual([[], null]);
    expect(await cache.record('conversation', 'a')).toBeNull();
    // What is left is shown without a version, so that it is sent again or removed.
    expect(await versions()).toEqual([
      ['a', null, false, false],
      ['b', null, false, false],
      ['c', null, false, false],
    ]);
    await cache.apply(batch(item('conversation', 'a', 1, null), item('conversation', 'b', 1, null)));
    expect(await direct.exists(`${namespace}conversation:a`)).toBe(0);
    expect((await versions()).slice(0, 2)).toEqual([
      ['a', 1, true, false],
      ['b', 1, true, false],
    ]);
  });

  test.each(['sync:order:conversation', 'sync:due'])('%s is made again from the lines', async (key) => {
    const before = await versions();
    await direct.del(namespace + key);
    expect(await versions()).toEqual(before);
    expect(await direct.exists(namespace + key)).toBe(1);
    expect(await cache.purge(Date.now() + 1)).toBe(1);
  });

  test('an entry of the order too few or too many is mended with the next scan', async () => {
    const before = await versions();
    await direct.zrem(`${namespace}sync:order:conversation`, 'b');
    await direct.zadd(`${namespace}sync:due`, 5, 'conversation:none');
    expect(await versions()).toEqual(before);
    await direct.zadd(`${namespace}sync:order:conversation`, 0, 'none');
    expect(await versions()).toEqual(before);
  });

  test('all of it', async () => {
    await direct.del(await direct.keys(`${namespace}*`));
    expect([await cache.positions(), await cache.label(), await versions()]).toEqual([[], null, []]);
  });
});

describe('what others write into the server', () => {
  test('what sync did not write is no record for clients, and a scan shows it after a refresh', async () => {
    const cache = await open(standingClock(Date.now()), 'foreign_');
    await cache.apply(batch(item('conversation', 'a', 1, storedConversation('a', 'u1', 1))));
    await direct.set('foreign_conversation:x', '{"id":"x"}');
    await direct.set('foreign_conversation:a', 'not JSON');
    await direct.rpush('foreign_conversation:list', 'a');
    expect(await cache.record('conversation', 'x')).toBeNull();
    await cache.refresh();
    const { records } = await cache.scan('conversation', null, 10);
    expect(records.map(({ id, version, document, fault }) => [id, version, document, fault])).toEqual([
      ['a', 1, {}, 'the content is no document'],
      ['x', null, { id: 'x' }, undefined],
    ]);
    await cache.apply(batch(item('conversation', 'x', 1, null)));
    expect(await direct.exists('foreign_conversation:x')).toBe(0);
    await cache.wipe();
    await cache.close();
  });

  test('a wipe leaves the keys of others, also where their names begin alike', async () => {
    const cache = await open(standingClock(Date.now()), 'wiped*_');
    const others = ['other', 'wiped*', 'wiped*_more_conversation:a', 'wiped1_conversation:a', 'wiped*_x'];
    for (const key of others) await direct.set(key, '1');
    await cache.apply(batch(item('conversation', 'a', 1, storedConversation('a', 'u1', 1))));
    await cache.write('k', 1, 60_000);
    await cache.wipe();
    expect(await direct.keys('wiped\\*_conversation:*')).toEqual([]);
    expect(await direct.exists(...others)).toBe(others.length);
    await direct.del(...others);
    await cache.close();
  });
});

test('records live in Redis as long as sync says, to the millisecond, and values as long as they are given', async () => {
  const clock = standingClock(Date.now());
  const cache = await open(clock, 'ttl_');
  const expiresAt = clock.at + 3_600_000;
  await cache.apply(batch(item('conversation', 'a', 1, storedConversation('a', 'u1', 1), { expiresAt })));
  expect(await direct.call('PEXPIRETIME', 'ttl_conversation:a')).toBe(expiresAt);
  expect(JSON.parse((await direct.get('ttl_conversation:a')) ?? '')).toEqual(storedConversation('a', 'u1', 1));
  await cache.write('s', 1, 60_000);
  expect(await direct.pttl('ttl_value:s')).toBeGreaterThan(30_000);
  await cache.increment('c', 60_000);
  expect(await direct.pttl('ttl_counter:c')).toBeGreaterThan(30_000);
  await cache.wipe();
  await cache.close();
});
