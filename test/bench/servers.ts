/** The cache on Redis and the documents on MongoDB's protocol, each beside its server's own bulk call. */
import { randomBytes } from 'node:crypto';
import type { Row } from '@mindora/contracts';
import { systemClock, systemRandom } from '@mindora/runtime';
import type { ApplyItem, Target } from '@mindora/stores';
import { openRedisCache } from '@mindora/stores/cache/redis';
import { openMongoDocuments } from '@mindora/stores/documents/mongodb';
import { sharedEngine } from '@mindora/testing/engines';
import { Redis } from 'ioredis';
import { type Document, MongoClient } from 'mongodb';
import { type Figures, type Measurement, perSecond, ratio } from './figures.ts';
import { conversation } from './records.ts';

const perBatch = 500;
const lifetimeMs = 3_600_000;
const createdAt = '2026-03-01T00:00:00.000000Z';

type ToDocument = (row: Row) => Row;

function itemsOf(records: number, version: number, toDocument: ToDocument): ApplyItem[] {
  const expiresAt = Date.now() + lifetimeMs;
  return Array.from({ length: records }, (_, number) => {
    const row = { ...conversation(number), created_at: createdAt, updated_at: createdAt };
    return {
      entity: 'conversation',
      id: `bench-${number}`,
      version,
      owner: null,
      document: toDocument(row),
      expiresAt,
    };
  });
}

async function timed<T>(all: readonly T[], work: (some: readonly T[], n: number) => Promise<unknown>): Promise<number> {
  const began = performance.now();
  for (let start = 0; start < all.length; start += perBatch) await work(all.slice(start, start + perBatch), start + 1);
  return performance.now() - began;
}

function applyAll(store: Target, items: readonly ApplyItem[]): Promise<number> {
  return timed(items, (some, n) => store.apply({ items: some, position: { incarnation: 'bench', partition: 0, n } }));
}

/** New records, and the same ones changed, each beside the server's own call. */
async function measure(
  store: Target,
  records: number,
  toDocument: ToDocument,
  raw: (items: readonly ApplyItem[]) => Promise<number>,
): Promise<Figures[]> {
  const rows: Figures[] = [];
  for (const [version, step] of [
    [1, 'new records'],
    [2, 'the same again'],
  ] as const) {
    const items = itemsOf(records, version, toDocument);
    const oursMs = await applyAll(store, items);
    const rawMs = await raw(items);
    const rates = { 'apply records/s': perSecond(records, oursMs), 'raw records/s': perSecond(records, rawMs) };
    rows.push({ step, ...rates, 'ours : raw': ratio(rawMs, oursMs) });
  }
  return rows;
}

/** `SET` with an expiry, 500 in a pipeline. */
export async function measureRedis(records: number): Promise<Measurement> {
  const { url, product } = await sharedEngine('redis');
  const store = openRedisCache({ url, namespace: 'bench_' }, { clock: systemClock(), random: systemRandom() });
  const client = new Redis(url);
  const raw = (items: readonly ApplyItem[]): Promise<number> =>
    timed(items, (some) => {
      const pipeline = client.pipeline();
      for (const { id, document, expiresAt } of some) {
        pipeline.set(`raw:${id}`, JSON.stringify(document), 'PXAT', expiresAt ?? 0);
      }
      return pipeline.exec();
    });
  try {
    await store.wipe();
    const rows = await measure(store, records, (row) => row, raw);
    return { name: 'redis apply', about: `${product}; ${perBatch} a batch, beside SET in a pipeline`, rows };
  } finally {
    await store.close();
    await client.quit();
  }
}

function documentOf({ id = null, ...row }: Row): Row {
  return { conversation_id: id, ...row, metadata: { source: 'ai_api', version: '1.0', tags: [] } };
}

/** Unordered bulk writes without a guard, journalled, into a collection with the same indexes. */
export async function measureMongo(records: number): Promise<Measurement> {
  const { url: server, product } = await sharedEngine('mongodb');
  const url = server.replace('/?', `/bench_${randomBytes(4).toString('hex')}?`);
  const store = openMongoDocuments({ url, namespace: '' }, { clock: systemClock() });
  const client = new MongoClient(url, { writeConcern: { w: 'majority', journal: true } });
  const target = client.db().collection<{ _id: string; [field: string]: unknown }>('raw');
  const raw = (items: readonly ApplyItem[]): Promise<number> =>
    timed(items, (some) => {
      const operations = some.map(({ id, version, document, expiresAt }) => {
        const whole = { ...document, _version: version, _expires_at: new Date(expiresAt ?? 0) };
        return version === 1
          ? { insertOne: { document: { _id: id, ...whole } } }
          : { replaceOne: { filter: { _id: id }, replacement: whole } };
      });
      return target.bulkWrite(operations, { ordered: false });
    });
  try {
    await store.migrate();
    for (const index of await client.db().collection('ai_conversations').listIndexes().toArray()) {
      const { key, v: _version, name, ...options } = index as Document;
      if (name !== '_id_') await target.createIndex(key, { name, ...options });
    }
    const rows = await measure(store, records, documentOf, raw);
    return {
      name: 'mongodb apply',
      about: `${product}; ${perBatch} a batch, beside bulk writes without a guard`,
      rows,
    };
  } finally {
    await client.db().dropDatabase();
    await store.close();
    await client.close();
  }
}
