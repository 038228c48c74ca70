import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Json } from '@mindora/contracts';
import { MemoryCache } from '../src/cache/index.ts';
import {
  analysis,
  batch,
  item,
  type StandingClock,
  standingClock,
  storedConversation,
  until,
} from './support/samples.ts';

let clock: StandingClock;
let cache: MemoryCache;

beforeEach(() => {
  clock = standingClock();
  cache = new MemoryCache({ clock });
});

afterEach(() => cache.close());

describe('records (A2.3)', () => {
  test('are read by entity and by the name of their key, until they expire', async () => {
    const document = storedConversation('a:b', 'u1', 1, { x: null });
    await cache.apply(batch(item('conversation', 'a:b', 1, document, { expiresAt: clock.at + 10 })));
    await cache.apply(batch(item('analysis', 'x', 1, analysis('x', 'u1', 0.5))));
    expect(await cache.record('conversation', 'a:b')).toEqual(document);
    expect(await cache.read('conversation:a:b')).toEqual(document);
    expect(await cache.read('analysis:x')).toMatchObject({ confidence_score: 0.5 });
    clock.at += 10;
    expect(await cache.read('conversation:a:b')).toBeNull();
    expect(await cache.get([{ entity: 'conversation', id: 'a:b' }])).toEqual([null]);
    expect((await cache.scan('conversation', null, 10)).records).toEqual([]);
  });

  test('what came expired is not kept, and takes the older version away', async () => {
    await cache.apply(batch(item('conversation', 'a', 1, storedConversation('a', 'u1', 1))));
    const late = item('conversation', 'a', 2, storedConversation('a', 'u1', 1), { expiresAt: clock.at });
    expect(await cache.apply(batch(late))).toEqual([{ outcome: 'applied' }]);
    expect(await cache.record('conversation', 'a')).toBeNull();
    expect((await cache.scan('conversation', null, 10)).records).toEqual([]);
  });

  test('beyond the bound the longest unused lose their content and keep their version', async () => {
    cache = new MemoryCache({ clock, recordBytesMax: 2_000 });
    const items = ['a', 'b', 'c', 'd'].map((id) => item('conversation', id, 7, storedConversation(id, 'u1', 1)));
    await cache.apply(batch(...items.slice(0, 2)));
    await cache.record('conversation', 'a');
    await cache.apply(batch(...items.slice(2)));
    const { records } = await cache.scan('conversation', null, 10);
    const evicted = records.filter((record) => record.evicted === true);
    expect(evicted.map(({ id }) => id)).toContain('b');
    expect(evicted[0]).toEqual({
      entity: 'conversation',
      id: evicted[0]?.id,
      version: 7,
      deleted: false,
      document: null,
      expiresAt: null,
      evicted: true,
    });
    const older = item('conversation', 'b', 6, storedConversation('b', 'u1', 1));
    expect(await cache.apply(batch(older))).toEqual([{ outcome: 'stale', version: 7 }]);
    await cache.apply(batch(item('conversation', 'b', 7, storedConversation('b', 'u1', 1))));
    expect(await cache.record('conversation', 'b')).not.toBeNull();
  });

  test('what has expired is swept on the way', async () => {
    const items = Array.from({ length: 50 }, (_, i) =>
      item('conversation', `c${i}`, 1, storedConversation(`c${i}`, 'u1', 1), { expiresAt: clock.at + 1 }),
    );
    await cache.apply(batch(...items));
    clock.at += 1;
    await cache.apply(batch());
    expect(await cache.purge(0)).toBe(0);
  });

  test('can be written by sync only', async () => {
    for (const write of [
      cache.write('conversation:a', 1, 1000),
      cache.remove('analysis:a'),
      cache.increment('analysis:a', 1),
    ]) {
      await expect(write).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });
});

describe('values of services', () => {
  test('live as long as they are given', async () => {
    await cache.write('session:1', { user: 'u1' }, 100);
    expect(await cache.read('session:1')).toEqual({ user: 'u1' });
    expect(await cache.remove('session:1')).toBe(true);
    expect(await cache.remove('session:1')).toBe(false);
    await cache.write('session:2', [1], 100);
    clock.at += 100;
    expect(await cache.read('session:2')).toBeNull();
  });

  test('counters count in a window from the first call', async () => {
    const endsAt = clock.at + 1000;
    expect(await cache.increment('rate:u1', 1000)).toEqual({ count: 1, endsAt });
    clock.at += 999;
    expect(await cache.increment('rate:u1', 1000)).toEqual({ count: 2, endsAt });
    expect(await cache.read('rate:u1')).toBe(2);
    clock.at += 1;
    expect(await cache.increment('rate:u1', 1000)).toEqual({ count: 1, endsAt: clock.at + 1000 });
  });

  test('have bounded keys and lives', async () => {
    await expect(cache.write('k'.repeat(513), 1, 1)).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(cache.write('k', 1, 0)).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('channels', () => {
  test('messages reach who has subscribed, in order, until it ends that', async () => {
    const heard: Json[] = [];
    const end = await cache.subscribe('news', (message) => heard.push(message));
    await cache.publish('other', 0);
    for (let i = 1; i <= 50; i++) await cache.publish('news', i);
    await until(() => heard.length === 50);
    expect(heard).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    await end();
    await cache.publish('news', 51);
    expect(heard).toHaveLength(50);
  });

  test('a poll waits for a message, and no longer than asked', async () => {
    const id = await cache.openSubscription('news');
    expect(await cache.poll(id, 1)).toEqual([]);
    const waiting = cache.poll(id, 30_000);
    await cache.publish('news', 'x');
    expect(await waiting).toEqual(['x']);
    const last = cache.poll(id, 30_000);
    await cache.closeSubscription(id);
    expect(await last).toEqual([]);
    await expect(cache.poll(id, 1)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('of too many waiting messages the oldest are lost', async () => {
    const id = await cache.openSubscription('news');
    for (let i = 0; i < 1005; i++) await cache.publish('news', i);
    const messages = await cache.poll(id, 0);
    expect([messages.length, messages[0]]).toEqual([1000, 5]);
  });
});
