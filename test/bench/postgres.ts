/** The relational store on PostgreSQL beside the server's own bulk insert, and its search beside comparing everything. */
import { encodeVector, type Row } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import type { ApplyItem, RelationalStore } from '@mindora/stores';
import { openPostgresRelational } from '@mindora/stores/relational/postgres';
import { sharedEngine } from '@mindora/testing/engines';
import { seeded } from '@mindora/testing/plain';
import pg from 'pg';
import { type Figures, type Measurement, percentile, perSecond, ratio } from './figures.ts';
import { conversation } from './records.ts';

const dimensions = 384;
const perCommit = 500;
const searches = 100;
const neighbours = 10;
/** Groups that the vectors of the second kind lie in; real embeddings lie in groups, too. */
const groups = 200;
const groupSpread = 0.8;
const createdAt = '2026-03-01T00:00:00.000000Z';

const chance = seeded(20260301);

/** A normally distributed number (Box and Muller). */
function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance());
}

function randomVector(): number[] {
  return Array.from({ length: dimensions }, normal);
}

type NewVector = () => number[];

function groupedVectors(): NewVector {
  const centres = Array.from({ length: groups }, randomVector);
  return () => (centres[Math.floor(chance() * groups)] ?? []).map((value) => value + groupSpread * normal());
}

function conversationItem(number: number): ApplyItem {
  const { context = null, ...row } = conversation(number);
  const times = { created_at: createdAt, updated_at: createdAt };
  const document: Row = { ...row, conversation_context: context, embedding_id: `e-${number}`, ...times };
  return { entity: 'conversation', id: String(row.id), version: 1, owner: null, document, expiresAt: null };
}

function embeddingItem(number: number, vector: readonly number[]): ApplyItem {
  const id = `e-${number}`;
  const document: Row = { id, model: 'bench', dimensions, vector: encodeVector(vector), created_at: createdAt };
  return { entity: 'embedding', id, version: 1, owner: null, document, expiresAt: null };
}

async function applyAll(store: RelationalStore, items: readonly ApplyItem[]): Promise<number> {
  const began = performance.now();
  for (let start = 0; start < items.length; start += perCommit) {
    const position = { incarnation: 'bench', partition: 0, n: start + 1 };
    await store.apply({ items: items.slice(start, start + perCommit), position });
  }
  return performance.now() - began;
}

/** The same rows by one INSERT of many rows, 500 a commit, into a table with the same columns and indexes. */
async function insertRaw(client: pg.Client, table: string): Promise<number> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS raw; DROP TABLE IF EXISTS raw.${table};
    CREATE TABLE raw.${table} (LIKE public.${table} INCLUDING ALL)`);
  const columns = await client.query<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum`,
    [table],
  );
  const names = columns.rows.map(({ name }) => name);
  const { rows } = await client.query<Record<string, string>>(
    `SELECT ${names.map((name) => `${name}::text`).join(', ')} FROM public.${table}`,
  );
  const began = performance.now();
  for (let start = 0; start < rows.length; start += perCommit) {
    const some = rows.slice(start, start + perCommit);
    const places = some.map((_, row) => `(${names.map((_name, column) => `$${row * names.length + column + 1}`)})`);
    const values = some.flatMap((row) => names.map((name) => row[name]));
    await client.query(`INSERT INTO raw.${table} (${names.join(', ')}) VALUES ${places.join(', ')}`, values);
  }
  return performance.now() - began;
}

function compare(step: string, count: number, oursMs: number, rawMs: number): Figures {
  const rates = { 'apply records/s': perSecond(count, oursMs), 'raw records/s': perSecond(count, rawMs) };
  return { step, ...rates, 'ours : raw': ratio(rawMs, oursMs) };
}

const exactly = `SELECT c.id FROM ai_conversations c JOIN ai_conversation_vectors v ON v.id = c.embedding_id
  ORDER BY (v.vector <=> $1::vector) + 0, c.id LIMIT ${neighbours}`;

async function measureSearch(store: RelationalStore, client: pg.Client, next: NewVector): Promise<Figures> {
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

interface Opened {
  readonly store: RelationalStore;
  readonly client: pg.Client;
}

/** An empty store in a database of its own, and a plain client of it. */
async function open(serverUrl: string, kind: string): Promise<Opened> {
  const url = new URL(serverUrl);
  url.pathname = `/bench_${kind}`;
  const store = openPostgresRelational({ url: url.href, namespace: '' }, { clock: systemClock(), dimensions });
  await store.migrate();
  await store.wipe();
  const client = new pg.Client(url.href);
  await client.connect();
  return { store, client };
}

async function measureKind(
  { store, client }: Opened,
  kind: string,
  next: NewVector,
  records: number,
): Promise<Figures[][]> {
  const numbers = Array.from({ length: records }, (_, number) => number);
  const rowsMs = await applyAll(store, numbers.map(conversationItem));
  const embeddings = numbers.map((number) => embeddingItem(number, next()));
  const vectorsMs = await applyAll(store, embeddings);
  const againMs = await applyAll(store, embeddings);
  const rawVectorsMs = await insertRaw(client, 'ai_conversation_vectors');
  const applied = [
    compare(`conversations (${kind})`, records, rowsMs, await insertRaw(client, 'ai_conversations')),
    compare(`embeddings (${kind})`, records, vectorsMs, rawVectorsMs),
    compare(`embeddings again (${kind})`, records, againMs, rawVectorsMs),
  ];
  return [applied, [{ vectors: kind, ...(await measureSearch(store, client, next)) }]];
}

/** How fast the store takes records, and how much of the truth its search finds. */
export async function measurePostgres(records: number): Promise<Measurement[]> {
  const { url, product } = await sharedEngine('postgres');
  const applied: Figures[] = [];
  const searched: Figures[] = [];
  for (const [kind, next] of [
    ['random', randomVector],
    ['grouped', groupedVectors()],
  ] as const) {
    const opened = await open(url, kind);
    try {
      const [rows = [], search = []] = await measureKind(opened, kind, next, records);
      applied.push(...rows);
      searched.push(...search);
    } finally {
      await opened.client.end();
      await opened.store.close();
    }
  }
  const about = `${product}; ${perCommit} a commit, beside INSERTs of the same rows into tables with the same indexes`;
  return [
    { name: 'postgres apply', about, rows: applied },
    { name: 'postgres search', about: `${records} vectors of ${dimensions} dimensions, by index`, rows: searched },
  ];
}
