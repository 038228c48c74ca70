/** The full-text store tells where its index contradicts its documents, and applying a record again mends it (A5). */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import Database from 'better-sqlite3';
import type { FullTextStore } from '../src/fulltext/port.ts';
import { openFullTextStore } from '../src/fulltext/sqlite.ts';
import { applyAll, faultsOf, scanAll, storeFile } from './support/stores.ts';

let file: string;
let remove: () => void;
let store: FullTextStore;
/** Another program's connection. */
let raw: Database.Database;

const ids = ['a', 'b', 'c', 'd', 'e'];

function conversation(id: string): Row {
  return {
    conversation_id: id,
    user_id: 'u1',
    session_id: 's1',
    user_input: `问题 common word-of-${id}`,
    ai_response: `回答 ${id}`,
    model_name: 'm',
    created_at: '2026-01-01T00:00:00.000000Z',
    tags: [],
    metadata: null,
  };
}

beforeEach(async () => {
  ({ file, remove } = storeFile());
  store = openFullTextStore({ file, clock: systemClock() });
  await store.migrate();
  await applyAll(
    store,
    'conversation',
    1,
    ids.map((id) => [id, conversation(id)]),
  );
  // Without the protection of shadow tables.
  raw = new Database(file).unsafeMode();
});
afterEach(async () => {
  raw.close();
  await store.close();
  remove();
});

async function search(query: string): Promise<string[]> {
  const filters = { userId: null, analysisType: null, limit: 100, after: null };
  const { hits } = await store.search({ entity: 'conversation', query, sort: 'newest', ...filters });
  return hits.map(({ document }) => String(document.conversation_id)).sort();
}

function numberOf(id: string): number {
  const sql = 'SELECT _row FROM ai_conversations WHERE conversation_id = ?';
  return raw.prepare(sql).pluck().get(id) as number;
}

/** Applies again what has a fault, at the version it has, as a repair does; then nothing may be wrong. */
async function expectMended(faulty: readonly string[]): Promise<void> {
  await applyAll(
    store,
    'conversation',
    1,
    faulty.map((id) => [id, ids.includes(id) ? conversation(id) : null]),
  );
  await store.refresh();
  expect(await faultsOf(store, 'conversation')).toEqual({});
  expect((await store.health()).ok).toBe(true);
  expect(await search('common')).toEqual(ids);
  for (const id of ids) expect(await search(`"word-of-${id}" 问题`)).toEqual([id]);
}

describe('damage by another hand', () => {
  test('without damage there is no fault', async () => {
    await store.refresh();
    expect(await faultsOf(store, 'conversation')).toEqual({});
    expect(await store.health()).toMatchObject({ ok: true });
  });

  test('a document that the index lacks', async () => {
    raw.prepare('DELETE FROM ai_conversations_text WHERE rowid = ?').run(numberOf('b'));
    expect(await search('common')).toEqual(['a', 'c', 'd', 'e']);
    expect(await faultsOf(store, 'conversation')).toEqual({ b: 'the text index lacks the document' });
    await expectMended(['b']);
  });

  test('another text in the index', async () => {
    raw.prepare(`UPDATE ai_conversations_text SET user_input = 'forged' WHERE rowid = ?`).run(numberOf('b'));
    expect(await search('forged')).toEqual(['b']);
    expect(await faultsOf(store, 'conversation')).toEqual({ b: 'the text index holds another text' });
    await expectMended(['b']);
  });

  test('another text in the document', async () => {
    raw.prepare(`UPDATE ai_conversations SET ai_response = 'forged' WHERE conversation_id = 'c'`).run();
    const record = (await scanAll(store, 'conversation')).find(({ id }) => id === 'c');
    expect(record).toMatchObject({ document: { ai_response: 'forged' }, fault: 'the text index holds another text' });
    await expectMended(['c']);
  });

  test('a row of the index without a document', async () => {
    const insert = 'INSERT INTO ai_conversations_text (rowid, user_input) VALUES (?, ?)';
    for (const number of [1000, 2000]) raw.prepare(insert).run(number, 'stray');
    await store.refresh();
    expect(await search('stray')).toEqual([]);
    expect((await store.health()).ok).toBe(false);
    const strays = (await scanAll(store, 'conversation', 1)).filter(({ version }) => version === null);
    expect(strays).toMatchObject([
      { id: '#text-index-row-1000', deleted: false, fault: 'the index has a row without a document' },
      { id: '#text-index-row-2000', deleted: false },
    ]);
    const versions = await store.scanVersions('conversation', null, 100);
    expect(versions.records.map(({ id }) => id)).toEqual([...strays.map(({ id }) => id), ...ids]);
    await expectMended(strays.map(({ id }) => id));
    expect(raw.prepare('SELECT count(*) FROM ai_conversations_text').pluck().get()).toBe(ids.length);
  });

  test('index entries that are not those of the text: only that document is at fault', async () => {
    const sql = 'UPDATE ai_conversations_text_content SET c0 = c0 || ? WHERE id = ?';
    raw.prepare(sql).run(' more', numberOf('d'));
    await store.refresh();
    expect(await faultsOf(store, 'conversation')).toEqual({ d: 'the text index is damaged' });
    expect((await store.health()).ok).toBe(false);
    await expectMended(['d']);
  });

  test('index entries whose text is gone', async () => {
    raw.prepare('DELETE FROM ai_conversations_text_content WHERE id = ?').run(numberOf('d'));
    await store.refresh();
    expect(await faultsOf(store, 'conversation')).toEqual({ d: 'the text index is damaged' });
    await expectMended(['d']);
  });

  test('entries left behind by a deletion that came without a refresh are found by the next one', async () => {
    raw.prepare('DELETE FROM ai_conversations_text_content WHERE id = ?').run(numberOf('d'));
    await applyAll(store, 'conversation', 1, [['d', conversation('d')]]);
    await store.refresh();
    const faults = await faultsOf(store, 'conversation');
    await expectMended(Object.keys(faults));
  });

  test.each(['zeroblob(10)', "x'ffffffffffffffff'", "x''"])('an index that cannot be read (%s)', async (block) => {
    raw.exec(`UPDATE ai_conversations_text_data SET block = ${block} WHERE id > 10`);
    await store.refresh();
    expect(Object.keys(await faultsOf(store, 'conversation'))).toEqual(ids);
    // The first that is applied makes the whole index anew.
    await expectMended(['a']);
  });

  test('an index that cannot be read, and nobody looked: applying mends it too', async () => {
    raw.exec('UPDATE ai_conversations_text_data SET block = zeroblob(10) WHERE id > 10');
    await applyAll(
      store,
      'conversation',
      1,
      ids.map((id) => [id, conversation(id)]),
    );
    await store.refresh();
    await expectMended(Object.keys(await faultsOf(store, 'conversation')));
  });

  test('a reopened store finds the same', async () => {
    raw.prepare(`UPDATE ai_conversations_text_content SET c0 = 'x' WHERE id = ?`).run(numberOf('e'));
    await store.close();
    store = openFullTextStore({ file, clock: systemClock() });
    await store.migrate();
    await store.refresh();
    expect(Object.keys(await faultsOf(store, 'conversation'))).toEqual(['e']);
    await expectMended(['e']);
  });
});

test('after a scrub no byte of a deleted text is in the file, and numbers still join', async () => {
  const text = { ...conversation('z'), user_input: 'unmistakable secretword 密码本子' };
  await applyAll(store, 'conversation', 1, [['z', text]]);
  await applyAll(store, 'conversation', 2, [
    ['z', null],
    ['a', null],
  ]);
  raw.close();
  await store.scrub();
  const bytes = Buffer.concat(['', '-wal'].map((suffix) => readFileSync(file + suffix)));
  for (const word of ['unmistakable', 'nmistakable', 'secretword', 'ecretword', '密码', '码本']) {
    expect([word, bytes.includes(word)]).toEqual([word, false]);
  }
  await store.refresh();
  expect(await faultsOf(store, 'conversation')).toEqual({});
  expect(await search('common')).toEqual(['b', 'c', 'd', 'e']);
});
