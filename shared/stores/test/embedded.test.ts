import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { encodeVector, type Json, type Row } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import Database from 'better-sqlite3';
import { nestingMax } from '../src/embedded/index.ts';
import { SqliteRelational } from '../src/relational/index.ts';
import { batch, item, relationalConversation, time } from './support/samples.ts';
import { storeFile } from './support/stores.ts';

/** Reaches the store's own connection, whose limits a test narrows. */
class Probe extends SqliteRelational {
  pragma(text: string): unknown {
    return this.connection.pragma(text, { simple: true });
  }
}

let file: string;
let remove: () => void;
let store: Probe;

async function open(): Promise<Probe> {
  const opened = new Probe({ file, clock: systemClock(), dimensions: 3, busyTimeoutMs: 20 });
  await opened.migrate();
  return opened;
}

const conversation = (id: string, more: Row = {}): Row => ({ ...relationalConversation(id, 'u1', 1), ...more });
const position = (n: number) => ({ incarnation: 'i', partition: 0, n });

beforeEach(async () => {
  ({ file, remove } = storeFile());
  store = await open();
});

afterEach(async () => {
  await store.close();
  remove();
});

describe('a fault of the store is store_unavailable, with nothing applied', () => {
  test('another connection holds the lock', async () => {
    const holder = new Database(file);
    holder.exec('BEGIN IMMEDIATE');
    const held = store.apply({ items: [item('conversation', 'a', 1, conversation('a'))], positions: [position(1)] });
    await expect(held).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
    holder.exec('ROLLBACK');
    holder.close();
    expect(await store.positions()).toEqual([]);
    expect(await store.apply(batch(item('conversation', 'a', 1, conversation('a'))))).toEqual([{ outcome: 'applied' }]);
  });

  test('the disk is full in the midst of a batch', async () => {
    store.pragma(`max_page_count = ${Number(store.pragma('page_count')) + 5}`);
    const items = Array.from({ length: 50 }, (_, i) =>
      item('conversation', `c${i}`, 1, conversation(`c${i}`, { user_input: 'x'.repeat(4000) })),
    );
    const full = store.apply({ items, positions: [position(1)] });
    await expect(full).rejects.toMatchObject({ code: 'store_unavailable' });
    expect((await store.scan('conversation', null, 100)).records).toEqual([]);
    expect(await store.positions()).toEqual([]);
    store.pragma('max_page_count = 100000');
    const results = await store.apply({ items, positions: [position(1)] });
    expect(results.every(({ outcome }) => outcome === 'applied')).toBe(true);
  });

  test('the file is damaged', async () => {
    const items = Array.from({ length: 200 }, (_, i) => item('conversation', `c${i}`, 1, conversation(`c${i}`)));
    await store.apply(batch(...items));
    await store.close();
    const handle = openSync(file, 'r+');
    for (let at = 8192; at < statSync(file).size; at += 4096) writeSync(handle, Buffer.alloc(4096, 0xa5), 0, 4096, at);
    closeSync(handle);
    const use = async (): Promise<unknown> => {
      store = new Probe({ file, clock: systemClock(), dimensions: 3 });
      await store.migrate();
      return store.scan('conversation', null, 100);
    };
    await expect(use()).rejects.toMatchObject({ code: 'store_unavailable' });
  });

  test('the file is no database', async () => {
    await store.close();
    const handle = openSync(file, 'w');
    writeSync(handle, 'text '.repeat(1000));
    closeSync(handle);
    await expect((async () => open())()).rejects.toMatchObject({ code: 'store_unavailable' });
  });
});

test('the log is written ahead (decision 012), deleted content is overwritten, the file is its owner’s alone', () => {
  expect(['journal_mode', 'synchronous', 'secure_delete'].map((name) => store.pragma(name))).toEqual(['wal', 1, 1]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

describe('contents', () => {
  const nested = (depth: number): Json => (depth === 0 ? 1 : [nested(depth - 1)]);

  test('come back as they were', async () => {
    const context = {
      missing: {},
      null: null,
      zero: 0,
      tiny: 5e-324,
      huge: 1.7e308,
      nul: 'a\u0000b',
      deep: nested(nestingMax - 1),
    };
    const text = `\u0000${'数据😀\u2028\uffff'.repeat(100_000)}\u0000`;
    const document = conversation('a', { user_input: text, conversation_context: context });
    await store.apply(batch(item('conversation', 'a', 1, document)));
    expect((await store.get([{ entity: 'conversation', id: 'a' }]))[0]?.document).toEqual(document);
  });

  test('-0 becomes 0, the same canonical value', async () => {
    await store.apply(batch(item('conversation', 'a', 1, conversation('a', { conversation_context: [-0] }))));
    const [held] = await store.get([{ entity: 'conversation', id: 'a' }]);
    expect(held?.document?.conversation_context).toStrictEqual([0]);
  });

  const refused: readonly (readonly [string, Row])[] = [
    ['a field that is not defined', { other: 1 }],
    ['a number in a text', { user_input: 1 }],
    ['a time with other digits', { created_at: '2026-01-01T00:00:00Z' }],
    ['half of a surrogate pair', { user_input: 'a\ud83d' }],
    ['half of a surrogate pair in JSON', { conversation_context: { '\udc00': 1 } }],
    ['what is no number', { conversation_context: Number.NaN }],
    ['too deep JSON', { conversation_context: nested(nestingMax + 1) }],
    ['another id', { id: 'b' }],
  ];

  test.each(refused)('%s is refused', async (_, more) => {
    const results = await store.apply(
      batch(item('conversation', 'a', 1, conversation('a', more)), item('conversation', 'c', 1, conversation('c'))),
    );
    expect(results.map(({ outcome }) => outcome)).toEqual(['refused', 'applied']);
    expect(await store.get([{ entity: 'conversation', id: 'a' }])).toEqual([null]);
  });
});

describe('what is there', () => {
  test('cells that someone else filled with nonsense are told, not thrown', async () => {
    await store.apply(batch(item('conversation', 'a', 1, conversation('a'))));
    const database = new Database(file);
    database.exec(`UPDATE ai_conversations SET conversation_context = '{broken'`);
    database.close();
    const [record] = (await store.scan('conversation', null, 10)).records;
    expect(record?.fault).toBe('conversation_context is not a valid json');
  });

  test('a vector that the index lost is a fault', async () => {
    const vector = { id: 'e', model: 'm', dimensions: 3, vector: encodeVector([1, 2, 3]), created_at: time(0) };
    await store.apply(batch(item('embedding', 'e', 1, vector)));
    await store.apply(batch(item('embedding', 'f', 1, { ...vector, id: 'f' })));
    const [row] = (await store.scan('embedding', null, 1)).records;
    expect(row?.fault).toBeUndefined();
    await dropVectors();
    expect((await store.scan('embedding', null, 10)).records.map(({ fault }) => fault)).toEqual([
      'the vector is missing in the index',
      'the vector is missing in the index',
    ]);
  });

  test('a deleted line of the content is missing, and told to who compares versions only', async () => {
    await store.apply(batch(item('conversation', 'a', 1, conversation('a'))));
    const database = new Database(file);
    database.exec('DELETE FROM ai_conversations');
    database.close();
    expect((await store.scan('conversation', null, 10)).records).toMatchObject([
      { version: 1, deleted: false, document: null },
    ]);
    const [version] = (await store.scanVersions('conversation', null, 10)).records;
    expect(version?.fault).toBe('the document is gone');
  });

  test('a table of another layout is made anew and filled again', async () => {
    await store.apply(batch(item('conversation', 'a', 1, conversation('a'))));
    await store.setLabel('filled');
    const database = new Database(file);
    database.exec('ALTER TABLE ai_conversations ADD COLUMN extra TEXT');
    database.close();
    await store.migrate();
    expect(await store.label()).toBeNull();
    expect((await store.scan('conversation', null, 10)).records).toEqual([]);
  });

  test('large documents make smaller pages', async () => {
    const items = Array.from({ length: 12 }, (_, i) =>
      item(
        'conversation',
        `c${String(i).padStart(2, '0')}`,
        1,
        conversation(`c${i}`, { id: `c${String(i).padStart(2, '0')}`, user_input: 'x'.repeat(2_000_000) }),
      ),
    );
    await store.apply(batch(...items));
    const sizes: number[] = [];
    for (let after: string | null = null; ; ) {
      const page = await store.scan('conversation', after, 100);
      sizes.push(page.records.length);
      after = page.next;
      if (after === null) break;
    }
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(12);
    expect(Math.max(...sizes)).toBeLessThan(7);
  });
});

async function dropVectors(): Promise<void> {
  const { load } = await import('sqlite-vec');
  const database = new Database(file);
  load(database);
  database.exec('DELETE FROM ai_conversation_vectors_index');
  database.close();
}

test('after deletion and scrub no byte of a text or a vector is in the files (A4.7)', async () => {
  const secret = 'a text that nobody must find again';
  const vector = encodeVector([1.2345, 6.789, -3.25]);
  const embedding = { id: 'e', model: 'm', dimensions: 3, vector, created_at: time(0) };
  const items = [
    item('conversation', 'a', 1, conversation('a', { user_input: secret })),
    item('embedding', 'e', 1, embedding),
  ];
  await store.apply(batch(...items));
  const holds = (needle: Buffer): boolean =>
    readdirSync(dirname(file)).some((name) => readFileSync(join(dirname(file), name)).includes(needle));
  const needles = [Buffer.from(secret), Buffer.from(vector, 'base64')];
  expect(needles.map(holds)).toEqual([true, true]);
  await store.apply(batch(item('conversation', 'a', 2, null), item('embedding', 'e', 2, null)));
  await store.scrub();
  expect(needles.map(holds)).toEqual([false, false]);
});
