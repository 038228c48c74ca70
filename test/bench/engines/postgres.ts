/** The relational store on PostgreSQL beside an INSERT of many rows into tables with the same columns and indexes. */
import { documentOf, encodeVector } from '@mindora/contracts';
import type { ApplyItem } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import pg from 'pg';
import { dimensions, randomVector } from '../vectors.ts';
import { type ApplyBench, conversationOf, itemOf, type NewItem } from './harness.ts';

const createdAt = '2026-03-01T00:00:00.000000Z';

/** An embedding with a vector, the same for all versions where the text stays. */
export function embeddingOf(newVector: () => readonly number[]): NewItem {
  return (number, version) => {
    const id = `e-${number}`;
    const vector = encodeVector(newVector());
    return itemOf('embedding', id, {
      version,
      document: { id, model: 'bench', dimensions, vector, created_at: createdAt },
    });
  };
}

export const postgres: ApplyBench = {
  engine: 'postgres',
  beside: 'one INSERT of the same rows',
  async open({ url: server }) {
    const url = new URL(server);
    url.pathname = '/bench';
    const store = await createStore('relational', {
      directory: '',
      dimensions,
      connection: { url: url.href, namespace: '' },
    });
    const client = new pg.Client(url.href);
    await client.connect();
    await client.query('CREATE SCHEMA raw');
    const columns = new Map<string, string[]>();
    for (const entity of ['conversation', 'embedding'] as const) {
      const table = documentOf('relational', entity).collection;
      columns.set(table, await copyTable(client, table));
    }
    return {
      store,
      kinds: { conversations: conversationOf(store), embeddings: embeddingOf(randomVector) },
      raw: (items, isNew) => prepareInsert(client, columns, items, isNew),
      async close() {
        await client.end();
        await store.close();
      },
    };
  },
};

/** An empty table of the same shape; its columns. */
async function copyTable(client: pg.Client, table: string): Promise<string[]> {
  await client.query(`CREATE TABLE raw.${table} (LIKE public.${table} INCLUDING ALL)`);
  const { rows } = await client.query<{ name: string }>(
    'SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum',
    [table],
  );
  return rows.map(({ name }) => name);
}

/** The rows as the store wrote them, so that theirs is the same content. */
async function prepareInsert(
  client: pg.Client,
  columns: ReadonlyMap<string, readonly string[]>,
  items: readonly ApplyItem[],
  isNew: boolean,
): Promise<() => Promise<unknown>> {
  const { collection: table, key } = documentOf('relational', items[0]?.entity ?? 'conversation');
  const names = columns.get(table) ?? [];
  const { rows } = await client.query<Record<string, string>>(
    `SELECT ${names.map((name) => `${name}::text`).join(', ')} FROM public.${table} WHERE ${key} = ANY($1)`,
    [items.map(({ id }) => id)],
  );
  const places = rows.map((_, row) => `(${names.map((_name, column) => `$${row * names.length + column + 1}`)})`);
  const values = rows.flatMap((row) => names.map((name) => row[name]));
  const set = names.map((name) => `${name} = EXCLUDED.${name}`).join(', ');
  const otherwise = isNew ? '' : ` ON CONFLICT (${key}) DO UPDATE SET ${set}`;
  const text = `INSERT INTO raw.${table} (${names.join(', ')}) VALUES ${places.join(', ')}${otherwise}`;
  return () => client.query(text, values);
}
