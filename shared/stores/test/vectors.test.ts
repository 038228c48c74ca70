import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { encodeVector, type Row } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import Database from 'better-sqlite3';
import { load } from 'sqlite-vec';
import type { VectorStore } from '../src/vectors/port.ts';
import { openVectorStore } from '../src/vectors/sqlite.ts';
import { applyAll, faultsOf, scanAll, storeFile } from './support/stores.ts';

const dimensions = 4;
let file: string;
let remove: () => void;
let store: VectorStore;

function open(length = dimensions): VectorStore {
  return openVectorStore({ file, clock: systemClock(), dimensions: length });
}

function conversation(id: string, vector: readonly number[], userId = 'u1'): Row {
  return {
    conversationId: id,
    userInput: `问题 ${id}`,
    aiResponse: 'answer',
    userId,
    sessionId: 's1',
    modelName: 'm',
    createdAt: '2026-01-01T00:00:00.000000Z',
    vector: encodeVector(vector),
  };
}

/** At an angle of so many degrees from the first axis. */
function at(degrees: number): number[] {
  const radians = (degrees * Math.PI) / 180;
  return [Math.cos(radians), Math.sin(radians), 0, 0];
}

async function nearest(limit: number, userId: string | null = null): Promise<string[]> {
  const neighbours = await store.nearest({ entity: 'conversation', vector: Float32Array.from(at(0)), limit, userId });
  return neighbours.map(({ id }) => id);
}

beforeEach(async () => {
  ({ file, remove } = storeFile());
  store = open();
  await store.migrate();
});
afterEach(async () => {
  await store.close();
  remove();
});

describe('nearest', () => {
  test('best first with cosine similarity, whatever the length of a vector', async () => {
    const far = at(60).map((value) => value * 1000);
    await applyAll(store, 'conversation', 1, [
      ['far', conversation('far', far)],
      ['near', conversation('near', at(10))],
      ['opposite', conversation('opposite', at(180))],
    ]);
    const vector = Float32Array.from(at(0));
    const found = await store.nearest({ entity: 'conversation', vector, limit: 10, userId: null });
    expect(found.map(({ id }) => id)).toEqual(['near', 'far', 'opposite']);
    for (const [index, degrees] of [10, 60, 180].entries()) {
      expect(found[index]?.score).toBeCloseTo(Math.cos((degrees * Math.PI) / 180), 5);
    }
    expect(found[0]?.document).toEqual({ ...conversation('near', []), vector: undefined });
    expect('vector' in (found[0]?.document ?? {})).toBe(false);
  });

  test('a user filter costs no place: the nearest of a user among many nearer of others', async () => {
    const others = Array.from({ length: 300 }, (_, index) => `o${index}`);
    await applyAll(
      store,
      'conversation',
      1,
      others.map((id, i) => [id, conversation(id, at(i / 100), 'other')]),
    );
    const mine = ['m1', 'm2', 'm3'];
    await applyAll(
      store,
      'conversation',
      1,
      mine.map((id, i) => [id, conversation(id, at(80 + i), 'me')]),
    );
    expect(await nearest(2, 'me')).toEqual(['m1', 'm2']);
    expect(await nearest(200, 'me')).toEqual(mine);
    expect(await nearest(1, 'nobody')).toEqual([]);
  });

  test('equal scores by id, whatever was written first and however few are asked for', async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `t${String(index).padStart(2, '0')}`);
    await applyAll(
      store,
      'conversation',
      1,
      ids.toReversed().map((id) => [id, conversation(id, at(30))]),
    );
    for (const limit of [1, 7, 50, 200]) expect(await nearest(limit)).toEqual(ids.slice(0, limit));
  });

  test('another dimension, and what has no direction, are refused', async () => {
    const ask = (values: number[]): Promise<unknown> =>
      store.nearest({ entity: 'conversation', vector: Float32Array.from(values), limit: 1, userId: null });
    await expect(ask([1, 0, 0])).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching('3.*4'),
    });
    await expect(ask([0, 0, 0, 0])).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(ask([Number.NaN, 0, 0, 0])).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(nearest(201)).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('what the store takes', () => {
  test('bytes of a vector come back as they were', async () => {
    const document = conversation('exact', [1 / 3, -1e-40, 3.4e38, -0]);
    await applyAll(store, 'conversation', 1, [['exact', document]]);
    expect((await scanAll(store, 'conversation'))[0]?.document).toEqual(document);
  });

  test.each([
    ['another dimension', encodeVector([1, 2, 3]), 'the vector has 3 dimensions, the store 4'],
    ['all zeros', encodeVector([0, 0, -0, 0]), 'the vector is all zeros'],
    ['not finite', encodeVector([1, Number.POSITIVE_INFINITY, 0, 0]), 'finite'],
    ['not base64', '!!', 'base64'],
    ['missing', null, 'missing'],
  ])('refuses a vector: %s', async (_, vector, reason) => {
    const good = conversation('good', at(1));
    const items = [{ ...conversation('bad', at(0)), vector }, good].map((document) => ({
      entity: 'conversation' as const,
      id: String(document.conversationId),
      version: 1,
      owner: null,
      document,
      expiresAt: null,
    }));
    const results = await store.apply({ items, position: null });
    expect(results).toEqual([{ outcome: 'refused', reason: expect.stringContaining(reason) }, { outcome: 'applied' }]);
    expect((await scanAll(store, 'conversation')).map(({ id }) => id)).toEqual(['good']);
  });
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

test('another dimension empties the store, so that sync fills it again', async () => {
  await applyAll(store, 'conversation', 5, [['a', conversation('a', at(0))]]);
  await store.setPositions([{ incarnation: 'i', partition: 0, n: 9 }]);
  await store.setLabel('filled');
  await store.close();
  store = open(2);
  expect(store.capabilities.dimensions).toBe(2);
  await store.migrate();
  expect(await scanAll(store, 'conversation')).toEqual([]);
  expect([await store.positions(), await store.label()]).toEqual([[], null]);
  await applyAll(store, 'conversation', 5, [['a', conversation('a', [1, 0])]]);
  await store.migrate();
  expect(await scanAll(store, 'conversation')).toMatchObject([{ id: 'a', version: 5 }]);
  expect(() => openVectorStore({ file, clock: systemClock(), dimensions: 0 })).toThrow('dimensions must be');
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
