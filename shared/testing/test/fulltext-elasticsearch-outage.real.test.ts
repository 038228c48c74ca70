/** The server dies in the middle of a batch, and comes back with all that it had acknowledged. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type MindoraError, systemClock } from '@mindora/runtime';
import type { ApplyBatch, FullTextStore } from '@mindora/stores';
import { openElasticFullText } from '@mindora/stores/fulltext/elasticsearch';
import { type RunningEngine, startEngine } from '../src/engines/index.ts';
import { conversation } from '../src/fulltext/world.ts';
import { until } from '../src/until.ts';

const perBatch = 50;
const batchesMax = 1_000;
let engine: RunningEngine;
let store: FullTextStore;

beforeAll(async () => {
  engine = await startEngine('elasticsearch');
  store = openElasticFullText({ connection: { url: engine.url, namespace: 'outage_' }, clock: systemClock() });
  await store.migrate();
});
afterAll(async () => {
  await store?.close();
  await engine?.stop();
});

/** Batch n writes records of its own and one that all batches write. */
function batch(n: number): ApplyBatch {
  const ids = [...Array.from({ length: perBatch }, (_, i) => `${n}-${i}`), 'shared'];
  const items = ids.map((id) => {
    const document = conversation(id, `batch ${n}`);
    return { entity: 'conversation', id, version: n, owner: 'u1', document, expiresAt: null } as const;
  });
  return { items, positions: [{ incarnation: 'bus', partition: 0, n }] };
}

/** As sync does: in order, each again and again until it is applied. Tells which is the last acknowledged. */
function startApplying(after: number): { acknowledged(): number; failures(): number; stop(): Promise<void> } {
  let [acknowledged, failures, stopped] = [after, 0, false];
  const running = (async () => {
    while (!stopped && acknowledged < batchesMax) {
      try {
        await store.apply(batch(acknowledged + 1));
        acknowledged++;
      } catch (error) {
        expect((error as MindoraError).code).toBe('store_unavailable');
        failures++;
        await until(async () => stopped || (await store.health()).ok, 120_000);
      }
    }
  })();
  const stop = (): Promise<void> => {
    stopped = true;
    return running;
  };
  return { acknowledged: () => acknowledged, failures: () => failures, stop };
}

test('killed in the middle of applying and started again, it lacks nothing that it acknowledged', async () => {
  let last = 0;
  for (const more of [5, 10]) {
    const applying = startApplying(last);
    await until(() => applying.acknowledged() >= last + more, 60_000);
    await engine.kill();
    await until(() => applying.failures() > 0, 60_000);
    const acknowledged = applying.acknowledged();
    await engine.restart();
    await until(() => applying.acknowledged() >= acknowledged + 5, 120_000);
    await applying.stop();
    last = applying.acknowledged();
    await expectWhole(last);
  }
});

test('a server that hangs is store_unavailable in bounded time, and goes on afterwards', async () => {
  const before = (await store.positions())[0]?.n ?? 0;
  await engine.suspend();
  const began = performance.now();
  try {
    await expect(store.apply(batch(before + 1))).rejects.toMatchObject({ code: 'store_unavailable' });
    expect((await store.health()).ok).toBe(false);
    expect(performance.now() - began).toBeLessThan(50_000);
  } finally {
    await engine.resume();
  }
  await until(async () => (await store.health()).ok, 60_000);
  await store.apply(batch(before + 1));
  await expectWhole(before + 1);
});

async function expectWhole(acknowledged: number): Promise<void> {
  expect(await store.positions()).toEqual([{ incarnation: 'bus', partition: 0, n: acknowledged }]);
  const keys = Array.from({ length: acknowledged }, (_, n) => n + 1).flatMap((n) =>
    batch(n).items.map(({ id }) => ({ entity: 'conversation', id }) as const),
  );
  const records = await store.get(keys);
  for (const [i, record] of records.entries()) {
    const { id = '' } = keys[i] ?? {};
    const version = id === 'shared' ? acknowledged : Number(id.split('-')[0]);
    expect(record).toMatchObject({ id, version, deleted: false });
    expect(record?.fault).toBeUndefined();
  }
}
