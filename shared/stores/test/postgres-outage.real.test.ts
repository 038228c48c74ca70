/** A server that dies, hangs or is away. It has an engine of its own, since others work on the shared one. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '@mindora/runtime';
import { type RunningEngine, startEngine } from '@mindora/testing/engines';
import { until } from '@mindora/testing/plain';
import type { ApplyBatch } from '../src/port.ts';
import { openPostgresRelational, type PostgresRelational } from '../src/relational/postgres.ts';
import { testDatabase } from './support/postgres.ts';
import { batch, item, relationalConversation } from './support/samples.ts';

let engine: RunningEngine;
let store: PostgresRelational;

function numbered(n: number): ApplyBatch {
  const items = Array.from({ length: 100 }, (_, i) =>
    item('conversation', `c${i}`, n, relationalConversation(`c${i}`, 'u1', n % 50)),
  );
  return { items, positions: [{ incarnation: 'b', partition: 0, n }] };
}

/** Applies one batch after the other until one fails; the number of the last that was applied, and how it ended. */
async function applyUntilFailure(first: number): Promise<{ last: number; code: unknown }> {
  for (let n = first; ; n++) {
    try {
      await store.apply(numbered(n));
    } catch (error) {
      return { last: n - 1, code: (error as { code?: unknown }).code };
    }
  }
}

beforeAll(async () => {
  engine = await startEngine('postgres');
  const { url } = testDatabase(engine.url);
  store = openPostgresRelational({ url, namespace: '' }, { clock: systemClock(), dimensions: 3 });
});

afterAll(async () => {
  await store.close();
  await engine.stop();
});

test('killed in the middle of applying, it is unavailable at once, and works again by itself', async () => {
  for (const round of [1, 2, 3]) {
    const before = (await store.positions())[0]?.n ?? 0;
    const ended = applyUntilFailure(before + 1);
    await until(async () => ((await store.positions())[0]?.n ?? 0) >= before + 5 * round);
    await engine.kill();
    const killedAt = performance.now();
    const { last, code } = await ended;
    expect(code).toBe('store_unavailable');
    await expect(store.apply(numbered(1))).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await store.health()).toMatchObject({ ok: false });
    expect(performance.now() - killedAt).toBeLessThan(10_000);
    await engine.restart();
    const position = (await store.positions())[0]?.n ?? 0;
    // What was answered is there; of the one that was not, nobody knows.
    expect([last, last + 1]).toContain(position);
    const { records } = await store.scan('conversation', null, 1000);
    expect(new Set(records.map(({ version }) => version))).toEqual(new Set([position]));
    await store.apply(numbered(position + 1));
  }
});

test('frozen, calls end within their time, and go on when it does', async () => {
  await store.apply(batch(item('conversation', 'frozen', 1, relationalConversation('frozen', 'u1', 1))));
  await engine.suspend();
  const began = performance.now();
  const asked = Array.from({ length: 30 }, () => store.label());
  const results = await Promise.allSettled(asked);
  const tookMs = performance.now() - began;
  await engine.resume();
  expect(results.map(({ status }) => status)).toEqual(asked.map(() => 'rejected'));
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'store_unavailable' });
  }
  expect(tookMs).toBeLessThan(50_000);
  expect(await store.get([{ entity: 'conversation', id: 'frozen' }])).toMatchObject([{ version: 1 }]);
});

test('away from the start, it is made all the same, and says so', async () => {
  const url = 'postgres://nobody:whisper@127.0.0.1:1/none';
  const away = openPostgresRelational({ url, namespace: '' }, { clock: systemClock(), dimensions: 3 });
  const began = performance.now();
  const failed: unknown = await away.apply(batch()).catch((error: unknown) => error);
  expect(failed).toMatchObject({ code: 'store_unavailable' });
  expect(String(failed)).not.toMatch(/whisper/);
  expect(await away.health()).toMatchObject({ ok: false });
  expect(performance.now() - began).toBeLessThan(10_000);
  await away.close();
});
