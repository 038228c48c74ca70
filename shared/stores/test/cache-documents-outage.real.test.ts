/** Servers that die, hang or are away. They are the test's own, since others work on the shared ones. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Json } from '@mindora/contracts';
import { systemClock, systemRandom } from '@mindora/runtime';
import { type RunningEngine, startEngine } from '@mindora/testing/engines';
import { until } from '@mindora/testing/plain';
import { openRedisCache, type RedisCache } from '../src/cache/redis.ts';
import { openMongoDocuments } from '../src/documents/mongodb.ts';
import type { Target } from '../src/port.ts';
import { documentOfConversation } from './support/documents-suite.ts';
import { newDatabase } from './support/mongo.ts';
import { batch, item, storedConversation } from './support/samples.ts';

interface Tried {
  readonly name: string;
  readonly engine: 'redis' | 'mongodb';
  readonly open: (url: string) => Target;
  readonly away: string;
  readonly document: (id: string, n: number) => ReturnType<typeof storedConversation>;
}

const dependencies = { clock: systemClock(), random: systemRandom() };
const tried: readonly Tried[] = [
  {
    name: 'cache on Redis',
    engine: 'redis',
    open: (url) => openRedisCache({ url, namespace: 'outage_' }, dependencies),
    away: 'redis://:whisper@127.0.0.1:1/0',
    document: (id, n) => storedConversation(id, 'u1', n % 50),
  },
  {
    name: 'documents on MongoDB protocol',
    engine: 'mongodb',
    open: (url) => openMongoDocuments({ url: newDatabase(url), namespace: '' }, dependencies),
    away: 'mongodb://nobody:whisper@127.0.0.1:1/none',
    document: (id, n) => documentOfConversation(id, 'u1', n % 50),
  },
];

describe.each(tried)('$name', ({ engine: name, open, away, document }) => {
  let engine: RunningEngine;
  let store: Target;

  const numbered = (n: number) => {
    const items = Array.from({ length: 20 }, (_, i) => item('conversation', `c${i}`, n, document(`c${i}`, n)));
    return { items, positions: [{ incarnation: 'b', partition: 0, n }] };
  };
  const position = async () => (await store.positions())[0]?.n ?? 0;

  beforeAll(async () => {
    engine = await startEngine(name);
    store = open(engine.url);
    await store.migrate();
  });
  afterAll(async () => {
    await store.close();
    await engine.stop();
  });

  test('a store made while its server is away, and asked by several at once, works when that comes', async () => {
    await engine.kill();
    const early = open(engine.url);
    const asked = await Promise.allSettled([early.migrate(), early.positions(), early.label(), early.health()]);
    expect(asked.slice(0, 3).every(({ status }) => status === 'rejected')).toBe(true);
    await engine.restart();
    await until(async () => (await early.health()).ok, 20_000, 'the store works');
    await early.migrate();
    expect(await early.positions()).toEqual([]);
    await early.close();
  });

  /** Applies one batch after the other until one fails; the last that was applied, and how it ended. */
  async function applyUntilFailure(first: number): Promise<{ last: number; code: unknown }> {
    for (let n = first; ; n++) {
      try {
        await store.apply(numbered(n));
      } catch (error) {
        return { last: n - 1, code: (error as { code?: unknown }).code };
      }
    }
  }

  test('killed in the middle of applying, it is unavailable at once, and works again by itself', async () => {
    for (const round of [1, 2]) {
      const before = await position();
      const ended = applyUntilFailure(before + 1);
      await until(async () => (await position()) >= before + 5 * round, 60_000);
      await engine.kill();
      const killedAt = performance.now();
      const { last, code } = await ended;
      expect(code).toBe('store_unavailable');
      await expect(store.apply(numbered(1))).rejects.toMatchObject({ code: 'store_unavailable' });
      expect(await store.health()).toMatchObject({ ok: false });
      expect(performance.now() - killedAt).toBeLessThan(30_000);
      await engine.restart();
      await until(async () => (await store.health()).ok, 60_000);
      // What the position says is there, and at most one batch more. Which that is, Redis decides within a second.
      const kept = await position();
      expect(kept).toBeLessThanOrEqual(last + 1);
      const { records } = await store.scan('conversation', null, 100);
      for (const { version } of records) expect([kept, kept + 1]).toContain(version);
      await store.apply(numbered(kept + 1));
      await store.apply(numbered(kept + 2));
      expect(await position()).toBe(kept + 2);
    }
  });

  test('frozen, calls end within their time, and go on when it does', async () => {
    await store.apply(batch(item('conversation', 'frozen', 1, document('frozen', 1))));
    await engine.suspend();
    const began = performance.now();
    const asked = Array.from({ length: 30 }, () => store.label());
    const results = await Promise.allSettled(asked);
    const tookMs = performance.now() - began;
    await engine.resume();
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } });
    }
    expect(tookMs).toBeLessThan(50_000);
    await until(async () => (await store.health()).ok, 60_000);
    expect(await store.get([{ entity: 'conversation', id: 'frozen' }])).toMatchObject([{ version: 1 }]);
  });

  test('away from the start, it is made all the same, says so quickly, and tells no secret', async () => {
    const lost = open(away);
    const began = performance.now();
    const failed: unknown = await lost.apply(numbered(1)).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'store_unavailable' });
    expect(`${String(failed)} ${JSON.stringify(failed)} ${String((failed as Error).cause)}`).not.toMatch(/whisper/);
    expect(await lost.health()).toMatchObject({ ok: false });
    expect(performance.now() - began).toBeLessThan(20_000);
    await lost.close();
  });
});

describe('channels of Redis', () => {
  let engine: RunningEngine;
  let cache: RedisCache;
  beforeAll(async () => {
    engine = await startEngine('redis');
    cache = openRedisCache({ url: engine.url, namespace: 'outage_' }, dependencies);
  });
  afterAll(async () => {
    await cache.close();
    await engine.stop();
  });

  test('are heard again after the server was away; who wants to listen meanwhile is told', async () => {
    const heard: Json[] = [];
    const end = await cache.subscribe('news', (message) => heard.push(message));
    await cache.publish('news', 1);
    await until(() => heard.length === 1);
    await engine.kill();
    // The connection's end may come a moment after the server's.
    const isRefused = (): Promise<boolean> =>
      cache
        .subscribe('news', () => undefined)
        .then(
          (forget) => forget().then(() => false),
          ({ code }: { code?: unknown }) => code === 'store_unavailable',
        );
    await until(isRefused, 5000, 'who wants to listen is told');
    await expect(cache.publish('news', 2)).rejects.toMatchObject({ code: 'store_unavailable' });
    await engine.restart();
    await until(async () => {
      await cache.publish('news', 3).catch(() => undefined);
      return heard.includes(3);
    }, 20_000);
    await end();
  });

  test('wrong settings are told by name', async () => {
    const weak = await startEngine('redis', { settings: { appendonly: 'no' } });
    const store = openRedisCache({ url: weak.url, namespace: '' }, dependencies);
    const [told = '', ...more] = await store.weakSettings();
    expect(told).toMatch(/appendonly/);
    expect(more).toEqual([]);
    expect(await cache.weakSettings()).toEqual([]);
    await store.close();
    await weak.stop();
  });
});
