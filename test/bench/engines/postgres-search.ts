/** How much of the truth the search by vectors on PostgreSQL finds, beside comparing everything. */
import type { RelationalStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import { startEngine } from '@mindora/testing/engines';
import pg from 'pg';
import { type Figures, type Measurement, percentile } from '../figures.ts';
import { currentLoad } from '../machine.ts';
import { dimensions, groupedVectors, type NewVector, randomVector } from '../vectors.ts';
import { conversationOf, perBatch } from './harness.ts';
import { embeddingOf } from './postgres.ts';

const searches = 100;
const neighbours = 10;

const exactly = `SELECT c.id FROM ai_conversations c JOIN ai_conversation_vectors v ON v.id = c.embedding_id
  ORDER BY (v.vector <=> $1::vector) + 0, c.id LIMIT ${neighbours}`;

/** Searches among vectors of two kinds. */
export async function measurePostgresSearch(records: number): Promise<Measurement> {
  const engine = await startEngine('postgres');
  try {
    const rows = [
      await measureKind(engine.url, 'random', randomVector, records),
      await measureKind(engine.url, 'grouped', groupedVectors(), records),
    ];
    const about = `${engine.product}; ${records} vectors of ${dimensions} dimensions, by index; load ${currentLoad()}`;
    return { name: 'postgres search', about, rows };
  } finally {
    await engine.stop();
  }
}

async function measureKind(server: string, kind: string, next: NewVector, records: number): Promise<Figures> {
  const url = new URL(server);
  url.pathname = `/search_${kind}`;
  const connection = { url: url.href, namespace: '' };
  const store = await createStore('relational', { directory: '', dimensions, connection });
  const client = new pg.Client(url.href);
  try {
    await client.connect();
    await fill(store, next, records);
    return { vectors: kind, ...(await measureSearches(store, client, next)) };
  } finally {
    await client.end();
    await store.close();
  }
}

async function fill(store: RelationalStore, next: NewVector, records: number): Promise<void> {
  const newItems = [conversationOf(store), embeddingOf(next)];
  for (let start = 0; start < records; start += perBatch) {
    const numbers = Array.from({ length: Math.min(perBatch, records - start) }, (_, index) => start + index);
    await store.apply({ items: newItems.flatMap((of) => numbers.map((number) => of(number, 1))), positions: [] });
  }
}

async function measureSearches(store: RelationalStore, client: pg.Client, next: NewVector): Promise<Figures> {
  const ours: number[] = [];
  const exact: number[] = [];
  let found = 0;
  for (let i = 0; i < searches; i++) {
    const asked = next();
    const vector = Float32Array.from(asked);
    const began = performance.now();
    const near = await store.nearest({ entity: 'conversation', vector, limit: neighbours, userId: null });
    const between = performance.now();
    const { rows } = await client.query<{ id: string }>(exactly, [JSON.stringify(asked)]);
    ours.push(between - began);
    exact.push(performance.now() - between);
    const wanted = new Set(rows.map(({ id }) => id));
    found += near.filter(({ id }) => wanted.has(id)).length;
  }
  const times = {
    'p50 ms': percentile(ours, 0.5),
    'p99 ms': percentile(ours, 0.99),
    'exact p50 ms': percentile(exact, 0.5),
  };
  return { [`recall at ${neighbours}`]: found / (searches * neighbours), ...times };
}
