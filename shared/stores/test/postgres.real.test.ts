/** What only a PostgreSQL server can do to a store: content that it refuses, tables and settings that others change. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import { type RunningEngine, sharedEngine } from '@mindora/testing/engines';
import pg from 'pg';
import type { RelationalStore } from '../src/relational/port.ts';
import { openPostgresRelational } from '../src/relational/postgres.ts';
import { type TestDatabase, testDatabase } from './support/postgres.ts';
import { embedding, fillAround } from './support/relational-suite.ts';
import { analysis, batch, item, relationalConversation } from './support/samples.ts';

let engine: RunningEngine;
let database: TestDatabase;
let store: RelationalStore;

function open(dimensions = 3): RelationalStore {
  return openPostgresRelational({ url: database.url, namespace: '' }, { clock: systemClock(), dimensions });
}

function conversation(id: string, version: number, more: Row = {}) {
  return item('conversation', id, version, { ...relationalConversation(id, 'u1', version), ...more });
}

async function outcomes(...items: readonly ReturnType<typeof item>[]): Promise<string[]> {
  return (await store.apply(batch(...items))).map(({ outcome }) => outcome);
}

beforeEach(async () => {
  engine = await sharedEngine('postgres');
  database = testDatabase(engine.url);
  store = open();
  await store.migrate();
});

afterEach(async () => {
  await store.close();
  await database.remove();
});

describe('content that columns would change or refuse', () => {
  test('is refused alone; what the server itself refuses is found by halves', async () => {
    // Too long for an index, and made of digits that don't compress: only the server knows.
    const long = (id: string, version = 1) =>
      conversation(id, version, { user_id: randomBytes(20_000).toString('hex') });
    const items = Array.from({ length: 300 }, (_, i) => (i % 100 === 50 ? long(`c${i}`) : conversation(`c${i}`, 1)));
    const results = await store.apply({ items, positions: [{ incarnation: 'b', partition: 0, n: 9 }] });
    expect(results.flatMap(({ outcome }, i) => (outcome === 'applied' ? [] : [i]))).toEqual([50, 150, 250]);
    expect(results[50]).toEqual({ outcome: 'refused', reason: 'the engine refuses it (54000)' });
    expect((await store.scan('conversation', null, 1000)).records).toHaveLength(297);
    expect(await store.positions()).toEqual([{ incarnation: 'b', partition: 0, n: 9 }]);
  });

  test('an earlier good version of the batch stands where the server refuses the later one', async () => {
    const bad = conversation('a', 2, { user_id: randomBytes(20_000).toString('hex') });
    expect(await outcomes(conversation('a', 1), bad, conversation('b', 1))).toEqual(['applied', 'refused', 'applied']);
    expect(await store.get([{ entity: 'conversation', id: 'a' }])).toMatchObject([{ version: 1, deleted: false }]);
  });

  test.each(['2026-02-30T00:00:00.000000Z', '2026-02-01T24:00:00.000000Z', '2026-02-01T23:59:60.000000Z'])(
    'the time %s',
    async (created_at) => {
      expect(await outcomes(conversation('a', 1, { created_at }), conversation('b', 1))).toEqual([
        'refused',
        'applied',
      ]);
    },
  );

  test('decimals that a number would not keep', async () => {
    const config = (temperature: string) => {
      const times = { created_at: null, updated_at: null };
      const texts = { id: 'a', service_name: 's', service_type: 'chat', model_name: 'm', api_endpoint: null };
      const row = { ...texts, max_tokens: 1, temperature, cost_per_token: '0.1', is_active: true, ...times };
      return item('ai_service_config', 'a', 1, row);
    };
    for (const bad of ['-0.0', '00.5', '01']) expect(await outcomes(config(bad))).toEqual(['refused']);
    for (const good of ['0.50', '-0.10', '0', '12']) {
      expect(await outcomes(config(good))).toEqual(['applied']);
      const [held] = await store.get([{ entity: 'ai_service_config', id: 'a' }]);
      expect(held?.document?.temperature).toBe(good);
    }
  });

  test('queries for what no text can be find nothing', async () => {
    const ask = { sessionId: null, limit: 10, after: null };
    expect(await store.conversations({ ...ask, userId: 'a\0b' })).toEqual({ items: [], next: null });
    expect(await store.analysisStatistics('a\0b')).toEqual({ total: 0, averageConfidence: null });
    expect(await store.get([{ entity: 'conversation', id: 'a\0b' }])).toEqual([null]);
  });
});

describe('large answers', () => {
  test('a page of large documents ends early, and the next goes on there', async () => {
    const text = () => randomBytes(500_000).toString('hex');
    const ids = Array.from({ length: 20 }, (_, i) => `c${String(i).padStart(2, '0')}`);
    for (const id of ids) await store.apply(batch(conversation(id, 1, { user_input: text() })));
    const sizes: number[] = [];
    const seen: string[] = [];
    for (let after: string | null = null; ; ) {
      const { records, next } = await store.scan('conversation', after, 1000);
      sizes.push(records.length);
      seen.push(...records.map(({ id }) => id));
      after = next;
      if (after === null) break;
    }
    expect(seen).toEqual(ids);
    expect(Math.max(...sizes)).toBeLessThan(12);
  });

  test('texts larger than what the server indexes of a row are held', async () => {
    const words = Array.from({ length: 200_000 }, (_, i) => `w${i}`).join(' ');
    expect(await outcomes(conversation('a', 1, { user_input: words, ai_response: words }))).toEqual(['applied']);
  });
});

describe('what others do to the database', () => {
  test('the whole of it is dropped: the store makes it again by itself, without a label', async () => {
    await store.setLabel('filled');
    await store.apply(batch(conversation('a', 3)));
    await database.remove();
    await expect(store.label()).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await store.label()).toBeNull();
    expect(await outcomes(conversation('a', 1))).toEqual(['applied']);
  });

  test('a table is dropped or changed: it is made anew, and the label goes', async () => {
    for (const damage of [
      'DROP TABLE ai_conversations',
      'ALTER TABLE ai_conversations ALTER COLUMN session_id TYPE varchar(5)',
      'ALTER TABLE ai_conversations DROP CONSTRAINT ai_conversations_pkey',
    ]) {
      await store.apply(
        batch(conversation('a', 3), item('analysis', 'x', 1, { ...analysis('x', 'u1', 1), embedding_id: null })),
      );
      await store.setLabel('filled');
      await database.sql(damage);
      await store.migrate();
      expect(await store.label()).toBeNull();
      expect(await store.get([{ entity: 'conversation', id: 'a' }])).toEqual([null]);
      expect((await store.scan('analysis', null, 10)).records).toHaveLength(1);
      expect(await outcomes(conversation('a', 1))).toEqual(['applied']);
    }
  });

  test('indexes that are dropped come back with the next refresh', async () => {
    const indexes = () =>
      database.sql<{ name: string }>(`SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`);
    const before = await indexes();
    expect(before.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['ai_conversation_vectors_by_direction', 'ai_conversations_by_words']),
    );
    await database.sql('DROP INDEX ai_conversation_vectors_by_direction, ai_conversations_by_user_id_created_at');
    await store.refresh();
    expect(await indexes()).toEqual(before);
  });

  test('a refresh and a start wait for nobody who writes', async () => {
    const writer = new pg.Client(database.url);
    await writer.connect();
    await writer.query(
      "BEGIN; INSERT INTO ai_conversations (id) VALUES ('a'); LOCK TABLE _applied IN ROW EXCLUSIVE MODE",
    );
    const began = performance.now();
    await store.refresh();
    const started = open();
    await started.migrate();
    // A lock is waited for 8 s.
    expect(performance.now() - began).toBeLessThan(7_500);
    await started.close();
    await writer.end();
  });

  test('a row written by hand is found without a version, one changed by hand as it is', async () => {
    await store.apply(batch(conversation('a', 1)));
    await database.sql("INSERT INTO ai_conversations (id, created_at) VALUES ('stray', 'infinity')");
    await database.sql("UPDATE ai_conversations SET conversation_context = '{\"n\": 1.0}' WHERE id = 'a'");
    const { records } = await store.scan('conversation', null, 10);
    expect(records.map(({ id, version }) => [id, version])).toEqual([
      ['a', 1],
      ['stray', null],
    ]);
    expect(records[0]?.document?.conversation_context).toEqual({ n: 1 });
  });

  test('settings that could lose commits are named', async () => {
    const weak = async () => {
      const fresh = open();
      const settings = await fresh.weakSettings?.();
      await fresh.close();
      return settings;
    };
    expect(await weak()).toEqual([]);
    const name = new URL(database.url).pathname.slice(1);
    await database.sql(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    expect(await weak()).toEqual([expect.stringMatching(/^synchronous_commit is off, set synchronous_commit = on/)]);
  });
});

async function filesThatHold(directory: string, text: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map(async (file) => [file, await readFile(file)] as const));
  return contents.filter(([, content]) => content.includes(text)).map(([file]) => file);
}

test('after a scrub no file of the database holds what was deleted', async () => {
  const [row] = await database.sql<{ oid: number }>('SELECT oid FROM pg_database WHERE datname = current_database()');
  const directory = join(engine.directory, 'data', 'base', String(row?.oid));
  await store.apply(batch(conversation('a', 1, { user_input: 'zqxjkvwhisper' }), conversation('b', 1)));
  await store.apply(batch(item('conversation', 'a', 2, null)));
  await database.sql('CHECKPOINT');
  expect(await filesThatHold(directory, 'zqxjkvwhisper')).not.toEqual([]);
  await store.scrub();
  await database.sql('CHECKPOINT');
  expect(await filesThatHold(directory, 'zqxjkvwhisper')).toEqual([]);
});

test('two stores that apply the same records at once end at the newest, rows and tombstones alike', async () => {
  const other = open();
  const ids = Array.from({ length: 40 }, (_, i) => `c${i}`);
  const at = (id: string, i: number, version: number) =>
    (i + version) % 3 === 0 ? item('conversation', id, version, null) : conversation(id, version);
  const versions = Array.from({ length: 24 }, (_, i) => i + 1);
  await Promise.all(
    versions.map((version) => {
      const items = ids.map((id, i) => at(id, i, version));
      return (version % 2 === 0 ? store : other).apply(batch(...(version % 4 < 2 ? items : items.reverse())));
    }),
  );
  const { records } = await store.scan('conversation', null, 1000);
  const wanted = ids.map((id, i) => at(id, i, 24)).sort((a, b) => (a.id < b.id ? -1 : 1));
  expect(records.map(({ id, version, deleted }) => [id, version, deleted])).toEqual(
    wanted.map(({ id, document }) => [id, 24, document === null]),
  );
  expect(records.map(({ document }) => document)).toEqual(wanted.map(({ document }) => document));
  await other.close();
});

describe('the way to vectors', () => {
  test.each([1536, 3072, 4500])('%d dimensions: held to the bit, and found', async (dimensions) => {
    await store.close();
    store = open(dimensions);
    const vector = (seed: number) => Array.from({ length: dimensions }, (_, i) => Math.sin(seed * 1.7 + i));
    const items = [1, 2, 3].flatMap((seed) => [
      item('embedding', `e${seed}`, 1, embedding(`e${seed}`, vector(seed))),
      conversation(`c${seed}`, 1, { embedding_id: `e${seed}` }),
    ]);
    expect(new Set(await outcomes(...items))).toEqual(new Set(['applied']));
    const [held] = await store.get([{ entity: 'embedding', id: 'e2' }]);
    expect(held?.document).toEqual(embedding('e2', vector(2)));
    const asked = Float32Array.from(vector(2));
    const found = await store.nearest({ entity: 'conversation', vector: asked, limit: 1, userId: null });
    expect(found.map(({ id }) => id)).toEqual(['c2']);
    expect(found[0]?.score).toBeCloseTo(1, 5);
  });

  test('the index serves a search among many rows', async () => {
    for (let part = 0; part < 2; part++) {
      await fillAround(
        store,
        `u${part}`,
        Array.from({ length: 1000 }, (_, i) => i / 20 + part / 40),
      );
    }
    const found = await store.nearest({
      entity: 'conversation',
      vector: Float32Array.of(1, 0, 0),
      limit: 4,
      userId: null,
    });
    expect(found.map(({ id }) => id)).toEqual(['u0-00000', 'u1-00000', 'u0-00001', 'u1-00001']);
  });
});
