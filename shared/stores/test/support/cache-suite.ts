import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Json } from '@mindora/contracts';
import type { CachePolling } from '../../src/cache/client.ts';
import type { CacheStore } from '../../src/cache/port.ts';
import { analysis, batch, item, type StandingClock, storedConversation, until } from './samples.ts';

export type TestedCache = CacheStore & CachePolling;

/** The cache of the test that runs, and the clock that it goes by. */
interface Tested {
  clock: StandingClock;
  cache: TestedCache;
}

/** What any engine of the cache does for services. `open` gives an empty cache that goes by the clock, migrated. */
export function testCache(
  name: string,
  standing: () => StandingClock,
  open: (clock: StandingClock) => Promise<TestedCache>,
): void {
  describe(`cache on ${name}`, () => {
    const tested = {} as Tested;
    beforeEach(async () => {
      tested.clock = standing();
      tested.cache = await open(tested.clock);
    });
    afterEach(() => tested.cache.close());

    testRecords(tested);
    testValues(tested);
    testChannels(tested);
  });
}

function testRecords(tested: Tested): void {
  describe('records (A2.3)', () => {
    test('are read by entity and by the name of their key, until they expire', async () => {
      const document = storedConversation('a:b', 'u1', 1, { x: null });
      await tested.cache.apply(
        batch(item('conversation', 'a:b', 1, document, { expiresAt: tested.clock.at + 60_000 })),
      );
      await tested.cache.apply(batch(item('analysis', 'x', 1, analysis('x', 'u1', 0.5))));
      expect(await tested.cache.record('conversation', 'a:b')).toEqual(document);
      expect(await tested.cache.read('conversation:a:b')).toEqual(document);
      expect(await tested.cache.read('analysis:x')).toMatchObject({ confidence_score: 0.5 });
      tested.clock.at += 60_000;
      expect(await tested.cache.read('conversation:a:b')).toBeNull();
      expect(await tested.cache.get([{ entity: 'conversation', id: 'a:b' }])).toEqual([null]);
      expect((await tested.cache.scan('conversation', null, 10)).records).toEqual([]);
    });

    test('what came expired is not kept, and takes the older version away', async () => {
      await tested.cache.apply(batch(item('conversation', 'a', 1, storedConversation('a', 'u1', 1))));
      const late = item('conversation', 'a', 2, storedConversation('a', 'u1', 1), { expiresAt: tested.clock.at });
      expect(await tested.cache.apply(batch(late))).toEqual([{ outcome: 'applied' }]);
      expect(await tested.cache.record('conversation', 'a')).toBeNull();
      expect((await tested.cache.scan('conversation', null, 10)).records).toEqual([]);
    });

    test('what has expired is swept on the way', async () => {
      const items = Array.from({ length: 50 }, (_, i) =>
        item('conversation', `c${i}`, 1, storedConversation(`c${i}`, 'u1', 1), { expiresAt: tested.clock.at + 60_000 }),
      );
      await tested.cache.apply(batch(...items));
      tested.clock.at += 60_000;
      await tested.cache.apply(batch());
      expect(await tested.cache.purge(0)).toBe(0);
    });

    test('can be written by sync only', async () => {
      for (const write of [
        tested.cache.write('conversation:a', 1, 1000),
        tested.cache.remove('analysis:a'),
        tested.cache.increment('analysis:a', 1),
      ]) {
        await expect(write).rejects.toMatchObject({ code: 'invalid_request' });
      }
    });
  });
}

function testValues(tested: Tested): void {
  describe('values of services', () => {
    test('live as long as they are given', async () => {
      await tested.cache.write('session:1', { user: 'u1' }, 60_000);
      expect(await tested.cache.read('session:1')).toEqual({ user: 'u1' });
      expect(await tested.cache.remove('session:1')).toBe(true);
      expect(await tested.cache.remove('session:1')).toBe(false);
      await tested.cache.write('session:2', [1], 60_000);
      tested.clock.at += 60_000;
      expect(await tested.cache.read('session:2')).toBeNull();
    });

    test('of any kind come back as they went', async () => {
      for (const value of [null, false, 0, '', ' ', '1 2', 'a\u0000b', { a: { b: [null] } }, [[]]]) {
        await tested.cache.write('session:1', value, 60_000);
        expect(await tested.cache.read('session:1')).toEqual(value);
      }
    });

    test('counters count in a window from the first call', async () => {
      const endsAt = tested.clock.at + 60_000;
      expect(await tested.cache.increment('rate:u1', 60_000)).toEqual({ count: 1, endsAt });
      tested.clock.at += 59_999;
      expect(await tested.cache.increment('rate:u1', 60_000)).toEqual({ count: 2, endsAt });
      expect(await tested.cache.read('rate:u1')).toBe(2);
      tested.clock.at += 1;
      expect(await tested.cache.increment('rate:u1', 60_000)).toEqual({ count: 1, endsAt: tested.clock.at + 60_000 });
    });

    test('counters miss no call of many at once', async () => {
      await Promise.all(Array.from({ length: 200 }, () => tested.cache.increment('rate:u1', 60_000)));
      expect(await tested.cache.read('rate:u1')).toBe(200);
    });

    test('have bounded keys and lives', async () => {
      await expect(tested.cache.write('k'.repeat(513), 1, 1)).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(tested.cache.write('k', 1, 0)).rejects.toMatchObject({ code: 'invalid_request' });
    });

    test('go with a wipe', async () => {
      await tested.cache.write('session:1', 1, 60_000);
      await tested.cache.increment('rate:u1', 60_000);
      await tested.cache.wipe();
      expect([await tested.cache.read('session:1'), await tested.cache.read('rate:u1')]).toEqual([null, null]);
    });
  });
}

function testChannels(tested: Tested): void {
  describe('channels', () => {
    test('messages reach who has subscribed, in order, until it ends that', async () => {
      const heard: Json[] = [];
      const end = await tested.cache.subscribe('news', (message) => heard.push(message));
      await tested.cache.publish('other', 0);
      for (let i = 1; i <= 50; i++) await tested.cache.publish('news', i);
      await until(() => heard.length === 50);
      expect(heard).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
      await end();
      await tested.cache.publish('news', 51);
      expect(heard).toHaveLength(50);
    });

    test('a poll waits for a message, and no longer than asked', async () => {
      const id = await tested.cache.openSubscription('news');
      expect(await tested.cache.poll(id, 1)).toEqual([]);
      const waiting = tested.cache.poll(id, 30_000);
      await tested.cache.publish('news', 'x');
      expect(await waiting).toEqual(['x']);
      const last = tested.cache.poll(id, 30_000);
      await tested.cache.closeSubscription(id);
      expect(await last).toEqual([]);
      await expect(tested.cache.poll(id, 1)).rejects.toMatchObject({ code: 'not_found' });
    });

    test('of too many waiting messages the oldest are lost', async () => {
      const id = await tested.cache.openSubscription('news');
      const other = await tested.cache.openSubscription('the end');
      for (let i = 0; i < 1005; i++) await tested.cache.publish('news', i);
      await tested.cache.publish('the end', true);
      expect(await tested.cache.poll(other, 30_000)).toEqual([true]);
      const messages = await tested.cache.poll(id, 0);
      expect([messages.length, messages[0]]).toEqual([1000, 5]);
    });

    test('each subscriber of a channel hears it, and one that ends leaves the other', async () => {
      const [first, second] = [
        await tested.cache.openSubscription('news'),
        await tested.cache.openSubscription('news'),
      ];
      await tested.cache.publish('news', 1);
      expect([await tested.cache.poll(first, 30_000), await tested.cache.poll(second, 30_000)]).toEqual([[1], [1]]);
      await tested.cache.closeSubscription(first);
      await tested.cache.publish('news', 2);
      expect(await tested.cache.poll(second, 30_000)).toEqual([2]);
    });
  });
}
