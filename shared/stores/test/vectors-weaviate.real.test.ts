/** What only Weaviate can do to the vector store. Engines of its own: some cases end or freeze them. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import { type RunningEngine, startEngine } from '@mindora/testing/engines';
import { seeded, until } from '@mindora/testing/plain';
import type { ScanPage } from '../src/port.ts';
import type { VectorStore } from '../src/vectors/port.ts';
import { openWeaviateVectors } from '../src/vectors/weaviate.ts';
import { WeaviateClass } from '../src/vectors/weaviate-class.ts';
import { parseWeaviateUrl, WeaviateConnection } from '../src/vectors/weaviate-connection.ts';
import { objectUuid } from '../src/vectors/weaviate-documents.ts';
import { strayIdOf } from '../src/vectors/weaviate-ids.ts';
import { applyAll, faultsOf, scanAll } from './support/stores.ts';
import { at, conversation, dimensions, nearestTo0, testVectorStore } from './support/vectors.ts';

let engine: RunningEngine;
let store: VectorStore;
let raw: WeaviateConnection;

function open(dimensions: number, options: { windowIdsMax?: number; url?: string } = {}): VectorStore {
  const { url = engine.url, ...rest } = options;
  return openWeaviateVectors({ url, namespace: '' }, { clock: systemClock(), dimensions, ...rest });
}

const nearest = (limit: number): Promise<string[]> => nearestTo0(store, limit);

beforeAll(async () => {
  engine = await startEngine('weaviate');
});
afterAll(() => engine.stop());
beforeEach(async () => {
  store = open(dimensions);
  raw = new WeaviateConnection(parseWeaviateUrl(engine.url));
  await store.migrate();
  await store.wipe();
});
afterEach(async () => {
  await store.close();
  raw.close();
});

testVectorStore('vectors on Weaviate', () => ({ open }));

describe('damage by another hand', () => {
  const objects = (): WeaviateClass => new WeaviateClass(raw, 'AIConversation');

  beforeEach(() =>
    applyAll(
      store,
      'conversation',
      3,
      ['a', 'b', 'c'].map((id, i) => [id, conversation(id, at(i))]),
    ),
  );

  async function expectMended(id: string, document: Row | null): Promise<void> {
    await applyAll(store, 'conversation', 3, [[id, document]]);
    await store.refresh();
    expect(await faultsOf(store, 'conversation')).toEqual({});
    expect(await nearest(10)).toEqual(['a', 'b', 'c']);
  }

  test('an object at a place of no record is told by its own name, and can be removed', async () => {
    const uuid = 'aaaaaaaa-1111-4111-8111-aaaaaaaaaaaa';
    await objects().put([
      { id: uuid, properties: { conversationId: 'a', userId: 'u1' }, vector: Float32Array.from(at(50)) },
    ]);
    await store.refresh();
    const stray = (await scanAll(store, 'conversation')).filter(({ version }) => version === null);
    expect(stray).toMatchObject([{ id: strayIdOf(uuid), deleted: false }]);
    await expectMended(strayIdOf(uuid), null);
  });

  test('an object that is gone', async () => {
    await objects().remove([objectUuid('conversation', 'b')]);
    await store.refresh();
    expect((await scanAll(store, 'conversation')).map(({ id }) => id)).toEqual(['a', 'c']);
    await expectMended('b', conversation('b', at(1)));
  });

  test('an older object written late shows its version', async () => {
    const uuid = objectUuid('conversation', 'b');
    const properties = { conversationId: 'b', userId: 'u1', mindoraVersion: 2 };
    await objects().put([{ id: uuid, properties, vector: Float32Array.from(at(9)) }]);
    const { records } = await store.scanVersions('conversation', null, 10);
    expect(records.map(({ id, version }) => [id, version])).toEqual([
      ['a', 3],
      ['b', 2],
      ['c', 3],
    ]);
    await expectMended('b', conversation('b', at(1)));
  });

  test('a deleted object written late stands beside its tombstone, as a fault', async () => {
    await applyAll(store, 'conversation', 4, [['b', null]]);
    const uuid = objectUuid('conversation', 'b');
    const properties = { conversationId: 'b', userId: 'u1', mindoraVersion: 3 };
    await objects().put([{ id: uuid, properties, vector: Float32Array.from(at(1)) }]);
    const [, record] = (await store.scanVersions('conversation', null, 10)).records;
    expect(record).toMatchObject({ id: 'b', version: 4, deleted: false, fault: expect.stringContaining('tombstone') });
    await applyAll(store, 'conversation', 4, [['b', null]]);
    expect(await nearest(10)).toEqual(['a', 'c']);
    expect(await faultsOf(store, 'conversation')).toEqual({});
  });

  test('a class that is gone: refresh says so, migrate empties the store so that sync fills it again', async () => {
    await store.setPositions([{ incarnation: 'i', partition: 0, n: 9 }]);
    await store.setLabel('filled');
    await raw.demand('DELETE', '/schema/AIConversation');
    await expect(store.refresh()).rejects.toMatchObject({ code: 'store_unavailable' });
    await store.migrate();
    expect([await store.positions(), await store.label()]).toEqual([[], null]);
    expect(await scanAll(store, 'conversation')).toEqual([]);
  });
});

test('a small window of ids makes more passes and gives the same order', async () => {
  const ids = Array.from({ length: 300 }, (_, i) => `w${String(i).padStart(4, '0')}`);
  await applyAll(
    store,
    'conversation',
    1,
    ids.toReversed().map((id, i) => [id, conversation(id, at(i))]),
  );
  const narrow = open(4, { windowIdsMax: 40 });
  for (const limit of [7, 40, 100]) {
    expect((await scanAll(narrow, 'conversation', limit)).map(({ id }) => id)).toEqual(ids);
  }
  await narrow.close();
});

test('weak settings: an engine that lets everybody in', async () => {
  expect(await store.weakSettings?.()).toEqual([]);
});

test('10,000 vectors of 384 dimensions: recall at 10, and the rate beside the bare batch call', async () => {
  const seed = 20261122;
  const next = seeded(seed);
  const gauss = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  // As embeddings lie: in clusters, not evenly.
  const centres = Array.from({ length: 200 }, () => Array.from({ length: 384 }, gauss));
  const near = (i: number): Float32Array => Float32Array.from(centres[i % 200] ?? [], (value) => value + gauss());
  const vectors = Array.from({ length: 10_000 }, (_, i) => near(i));
  await store.close();
  store = open(384);
  await store.migrate();
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const begun = performance.now();
    await work();
    return performance.now() - begun;
  };
  const ids = vectors.map((_, i) => `v${String(i).padStart(5, '0')}`);
  let appliedMs = 0;
  let bareMs = 0;
  const bare = new WeaviateClass(raw, 'AIAnalysis');
  for (let from = 0; from < 10_000; from += 500) {
    const some = ids.slice(from, from + 500);
    const documents = some.map((id, i) => [id, conversation(id, vectors[from + i] ?? [])] as const);
    appliedMs += await timed(() => applyAll(store, 'conversation', 1, documents));
    if (from >= 2_000) continue;
    const objects = some.map((id, i) => {
      const { vector: _vector, ...fields } = conversation(id, []);
      const properties = { ...fields, analysisId: id } as Record<string, string>;
      return { id: objectUuid('analysis', id), properties, vector: vectors[from + i] ?? null };
    });
    bareMs += await timed(() => bare.put(objects));
    if (from === 1_500)
      process.stdout.write(`apply beside the bare call: ${(bareMs / appliedMs).toFixed(2)} of its rate\n`);
  }
  process.stdout.write(`10,000 applied in ${Math.round(appliedMs)} ms\n`);
  const scannedMs = await timed(() => scanAll(store, 'conversation', 1_000));
  process.stdout.write(`10,000 scanned whole in ${Math.round(scannedMs)} ms\n`);
  const faults: string[] = [];
  const searchedMs = await timed(async () => {
    for (let after: string | null = null; ; ) {
      const page: ScanPage = await store.scanVersions('conversation', after, 1_000);
      faults.push(...page.records.flatMap(({ id, fault }) => (fault === undefined ? [] : [`${id}: ${fault}`])));
      if (page.next === null) break;
      after = page.next;
    }
  });
  process.stdout.write(`10,000 looked for in the index, one by one, in ${Math.round(searchedMs)} ms\n`);
  expect(faults).toEqual([]);
  expect(await recall(vectors, ids, near)).toBeGreaterThanOrEqual(0.95);
});

async function recall(vectors: readonly Float32Array[], ids: readonly string[], near: (i: number) => Float32Array) {
  const lengths = vectors.map((vector) => Math.hypot(...vector));
  let hits = 0;
  for (let query = 0; query < 40; query++) {
    const vector = near(query * 7);
    const scores = vectors.map(
      (other, i) => other.reduce((sum, value, d) => sum + value * (vector[d] ?? 0), 0) / (lengths[i] ?? 1),
    );
    const best = new Set(
      [...scores.keys()]
        .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
        .slice(0, 10)
        .map((i) => ids[i]),
    );
    const found = await store.nearest({ entity: 'conversation', vector, limit: 10, userId: null });
    hits += found.filter(({ id }) => best.has(id)).length;
  }
  process.stdout.write(`recall at 10: ${hits / 400}\n`);
  return hits / 400;
}

describe('an engine that is away', () => {
  test('nothing is sent before the first call, and that fails quickly', async () => {
    const away = open(4, { url: 'http://:key@127.0.0.1:9?grpc=9' });
    const begun = performance.now();
    await expect(away.get([{ entity: 'conversation', id: 'a' }])).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(await away.health()).toMatchObject({ ok: false });
    await away.close();
  });

  test('killed and started again it goes on by itself, with the objects it had acknowledged', async () => {
    await applyAll(store, 'conversation', 1, [['a', conversation('a', at(1))]]);
    await engine.kill();
    const begun = performance.now();
    const write = applyAll(store, 'conversation', 2, [['a', conversation('a', at(2))]]);
    await expect(write).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(performance.now() - begun).toBeLessThan(15_000);
    await engine.restart();
    await until(
      () =>
        applyAll(store, 'conversation', 2, [['b', conversation('b', at(2))]]).then(
          () => true,
          () => false,
        ),
      30_000,
    );
    expect((await scanAll(store, 'conversation')).map(({ id, version }) => [id, version])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    // Its index may have lost what its objects have: the same version again mends that.
    await applyAll(store, 'conversation', 1, [['a', conversation('a', at(1))]]);
    expect(await nearest(5)).toEqual(['a', 'b']);
  });
});
