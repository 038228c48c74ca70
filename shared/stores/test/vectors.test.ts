import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { encodeVector, type Row } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import Database from 'better-sqlite3';
import { load } from 'sqlite-vec';
import type { VectorStore } from '../src/vectors/port.ts';
import { openVectorStore } from '../src/vectors/sqlite.ts';
import { applyAll, faultsOf, scanAll, storeFile } from './support/stores.ts';
import { at, conversation, dimensions, nearestTo0, testVectorStore } from './support/vectors.ts';

let file: string;
let remove: () => void;
let store: VectorStore;

const open = (length: number): VectorStore => openVectorStore({ file, clock: systemClock(), dimensions: length });
const nearest = (limit: number): Promise<string[]> => nearestTo0(store, limit);

testVectorStore('vectors on SQLite', () => {
  ({ file, remove } = storeFile());
  return { open, forget: () => remove() };
});

describe('the file', () => {
  beforeEach(async () => {
    ({ file, remove } = storeFile());
    store = open(dimensions);
    await store.migrate();
  });
  afterEach(async () => {
    await store.close();
    remove();
  });

  describe('damage by another hand', () => {
    let raw: Database.Database;
    beforeEach(async () => {
      await applyAll(
        store,
        'conversation',
        1,
        ['a', 'b', 'c'].map((id, i) => [id, conversation(id, at(i))]),
      );
      raw = new Database(file);
      load(raw);
    });
    afterEach(() => {
      raw.close();
    });

    async function expectMended(id: string, document: Row | null): Promise<void> {
      await applyAll(store, 'conversation', 1, [[id, document]]);
      await store.refresh();
      expect(await faultsOf(store, 'conversation')).toEqual({});
      expect(await nearest(10)).toEqual(['a', 'b', 'c']);
    }

    test('an object without its vector', async () => {
      raw.exec('DELETE FROM AIConversation_vectors WHERE rowid = 2');
      expect(await faultsOf(store, 'conversation')).toEqual({ b: 'the vector is missing' });
      expect(await nearest(10)).toEqual(['a', 'c']);
      await expectMended('b', conversation('b', at(1)));
    });

    test('a vector without an object; it takes nobody its place', async () => {
      const insert = raw.prepare('INSERT INTO AIConversation_vectors (rowid, embedding) VALUES (?, ?)');
      insert.run(77n, Buffer.from(encodeVector(at(0)), 'base64'));
      expect(await nearest(3)).toEqual(['a', 'b', 'c']);
      await store.refresh();
      const stray = (await scanAll(store, 'conversation', 1)).filter(({ version }) => version === null);
      expect(stray).toMatchObject([{ id: '#vector-row-77', fault: 'the index has a row without a document' }]);
      await expectMended('#vector-row-77', null);
    });

    test('another vector is another document', async () => {
      const forged = Buffer.from(encodeVector(at(90)), 'base64');
      raw.prepare('UPDATE AIConversation_vectors SET embedding = ? WHERE rowid = 2').run(forged);
      const record = (await scanAll(store, 'conversation')).find(({ id }) => id === 'b');
      expect(record?.document?.vector).toBe(encodeVector(at(90)));
      await expectMended('b', conversation('b', at(1)));
    });
  });

  test('a scrub packs what deletions left sparse, and no byte of a deleted vector stays', async () => {
    const ids = Array.from({ length: 5_000 }, (_, index) => `v${index}`);
    const vectorOf = (index: number): number[] => [index + 1, 1 / 3, 0, 0];
    await applyAll(
      store,
      'conversation',
      1,
      ids.map((id, index) => [id, conversation(id, vectorOf(index))]),
    );
    const gone = ids.filter((_, index) => index % 100 !== 0);
    await applyAll(
      store,
      'conversation',
      2,
      gone.map((id) => [id, null]),
    );
    const before = await nearest(200);
    await store.scrub();
    expect(await nearest(200)).toEqual(before);
    expect(before).toHaveLength(50);
    const raw = new Database(file);
    expect(raw.prepare('SELECT count(*) FROM AIConversation_vectors_chunks').pluck().get()).toBe(1);
    raw.close();
    const bytes = readFileSync(file);
    expect(bytes.includes(Buffer.from(encodeVector(vectorOf(100)), 'base64'))).toBe(true);
    expect(bytes.includes(Buffer.from(encodeVector(vectorOf(101)), 'base64'))).toBe(false);
    await store.refresh();
    expect(await faultsOf(store, 'conversation')).toEqual({});
  });
});
