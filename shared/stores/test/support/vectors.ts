/** What is asked of every vector store beyond the conformance suite: how it ranks, what it takes, another length. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { encodeVector, type Row } from '@mindora/contracts';
import type { VectorStore } from '../../src/vectors/port.ts';
import { applyAll, scanAll } from './stores.ts';

/** Of the vectors of these tests. */
export const dimensions = 4;

export interface VectorSuite {
  /** Opens a store on what the test has so far, empty at its beginning. */
  open(length: number): VectorStore;
  /** After each test, when its store is closed. */
  forget?(): void | Promise<void>;
}

export function conversation(id: string, vector: ArrayLike<number>, userId = 'u1'): Row {
  return {
    conversationId: id,
    userInput: `问题 ${id}`,
    aiResponse: 'answer',
    userId,
    sessionId: 's1',
    modelName: 'm',
    createdAt: '2026-01-01T00:00:00.000001Z',
    vector: encodeVector(vector),
  };
}

/** At an angle of so many degrees from the first axis. */
export function at(degrees: number): number[] {
  const radians = (degrees * Math.PI) / 180;
  return [Math.cos(radians), Math.sin(radians), 0, 0];
}

/** Ids of the nearest to the first axis. */
export async function nearestTo0(store: VectorStore, limit: number, userId: string | null = null): Promise<string[]> {
  const neighbours = await store.nearest({ entity: 'conversation', vector: Float32Array.from(at(0)), limit, userId });
  return neighbours.map(({ id }) => id);
}

/** Registers the cases for an engine; `begin` is called before each. */
export function testVectorStore(name: string, begin: () => VectorSuite | Promise<VectorSuite>): void {
  describe(name, () => {
    const held = {} as { suite: VectorSuite; store: VectorStore };
    beforeEach(async () => {
      held.suite = await begin();
      held.store = held.suite.open(dimensions);
      await held.store.migrate();
    });
    afterEach(async () => {
      await held.store.close();
      await held.suite.forget?.();
    });
    testRanking(() => held.store);
    testContent(() => held.store);
    testAnotherLength(held);
  });
}

function testRanking(store: () => VectorStore): void {
  test('best first with cosine similarity, whatever the length of a vector', async () => {
    const far = at(60).map((value) => value * 1000);
    const documents = { far, near: at(10), opposite: at(180) };
    const all = Object.entries(documents).map(([id, vector]) => [id, conversation(id, vector)] as const);
    await applyAll(store(), 'conversation', 1, all);
    const vector = Float32Array.from(at(0));
    const found = await store().nearest({ entity: 'conversation', vector, limit: 10, userId: null });
    expect(found.map(({ id }) => id)).toEqual(['near', 'far', 'opposite']);
    for (const [index, degrees] of [10, 60, 180].entries()) {
      expect(found[index]?.score).toBeCloseTo(Math.cos((degrees * Math.PI) / 180), 5);
    }
    const { vector: _vector, ...document } = conversation('near', []);
    expect(found[0]?.document).toEqual(document);
  });

  test('a user filter costs no place: the nearest of a user among many nearer of others', async () => {
    const others = Array.from(
      { length: 300 },
      (_, i) => [`o${i}`, conversation(`o${i}`, at(i / 100), 'other')] as const,
    );
    const mine = ['m1', 'm2', 'm3'].map((id, i) => [id, conversation(id, at(80 + i), 'me')] as const);
    const spaced = [['s', conversation('s', at(1), ' me')]] as const;
    await applyAll(store(), 'conversation', 1, [...others, ...mine, ...spaced]);
    expect(await nearestTo0(store(), 2, 'me')).toEqual(['m1', 'm2']);
    expect(await nearestTo0(store(), 200, 'me')).toEqual(['m1', 'm2', 'm3']);
    expect(await nearestTo0(store(), 5, ' me')).toEqual(['s']);
    expect(await nearestTo0(store(), 1, 'nobody')).toEqual([]);
  });

  // Of one user: an engine may search the vectors of all by an index that finds most of many equal ones, not each.
  test('equal scores by id, whatever was written first and however few are asked for', async () => {
    const ids = Array.from({ length: 150 }, (_, index) => `t${String(index).padStart(3, '0')}`);
    const tied = ids.toReversed().map((id) => [id, conversation(id, at(30), 'tied')] as const);
    await applyAll(store(), 'conversation', 1, [...tied, ['other', conversation('other', at(30))]]);
    for (const limit of [1, 7, 150, 200]) {
      expect(await nearestTo0(store(), limit, 'tied')).toEqual(ids.slice(0, limit));
    }
  });

  test('another dimension, what has no direction, and too many are refused', async () => {
    const ask = (values: number[]): Promise<unknown> =>
      store().nearest({ entity: 'conversation', vector: Float32Array.from(values), limit: 1, userId: null });
    const message = expect.stringMatching('3.*4');
    await expect(ask([1, 0, 0])).rejects.toMatchObject({ code: 'invalid_request', message });
    await expect(ask([0, 0, 0, 0])).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(ask([Number.NaN, 0, 0, 0])).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(nearestTo0(store(), 201)).rejects.toMatchObject({ code: 'invalid_request' });
  });
}

function testContent(store: () => VectorStore): void {
  test('bytes of a vector come back as they were', async () => {
    const document = conversation('exact', [1 / 3, -1e-40, 3.4e38, -0]);
    await applyAll(store(), 'conversation', 1, [['exact', document]]);
    expect((await scanAll(store(), 'conversation'))[0]?.document).toEqual(document);
  });

  test.each([
    ['another dimension', encodeVector([1, 2, 3]), 'the vector has 3 dimensions, the store 4'],
    ['all zeros', encodeVector([0, 0, -0, 0]), 'the vector is all zeros'],
    ['not finite', encodeVector([1, Number.POSITIVE_INFINITY, 0, 0]), 'vector'],
    ['not base64', '!!', 'vector'],
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
    const results = await store().apply({ items, positions: [] });
    expect(results).toEqual([{ outcome: 'refused', reason: expect.stringContaining(reason) }, { outcome: 'applied' }]);
    expect((await scanAll(store(), 'conversation')).map(({ id }) => id)).toEqual(['good']);
  });
}

function testAnotherLength(held: { readonly suite: VectorSuite; store: VectorStore }): void {
  test('another dimension empties the store, so that sync fills it again', async () => {
    await applyAll(held.store, 'conversation', 5, [['a', conversation('a', at(0))]]);
    await held.store.setPositions([{ incarnation: 'i', partition: 0, n: 9 }]);
    await held.store.setLabel('filled');
    await held.store.close();
    held.store = held.suite.open(2);
    expect(held.store.capabilities.dimensions).toBe(2);
    await held.store.migrate();
    expect(await scanAll(held.store, 'conversation')).toEqual([]);
    expect([await held.store.positions(), await held.store.label()]).toEqual([[], null]);
    await applyAll(held.store, 'conversation', 5, [['a', conversation('a', [1, 0])]]);
    await held.store.migrate();
    expect(await scanAll(held.store, 'conversation')).toMatchObject([{ id: 'a', version: 5 }]);
    expect(() => held.suite.open(0)).toThrow('dimensions must be');
  });
}
