import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { encodeVector, type Row } from '@mindora/contracts';
import type { RelationalStore } from '../../src/relational/port.ts';
import { analysis, batch, item, relationalConversation, time } from './samples.ts';

/** Where one test keeps its store. */
export interface RelationalPlace {
  /** Opens what is there, made where it is new, for vectors of a length; not yet migrated. */
  open(dimensions: number): Promise<RelationalStore>;
  remove(): Promise<void>;
}

const dimensions = 3;

/** An embedding as the projection gives it. */
export function embedding(id: string, vector: readonly number[]): Row {
  return { id, model: 'm', dimensions: vector.length, vector: encodeVector(vector), created_at: time(0) };
}

/** Conversations of a user, each with an embedding at so many degrees from the first axis. */
export async function fillAround(store: RelationalStore, userId: string, degrees: readonly number[]): Promise<void> {
  const items = degrees.flatMap((degree, i) => {
    const radians = (degree * Math.PI) / 180;
    const name = `${userId}-${String(i).padStart(5, '0')}`;
    return [
      item('embedding', `e-${name}`, 1, embedding(`e-${name}`, [Math.cos(radians), Math.sin(radians), 0])),
      item('conversation', name, 1, relationalConversation(name, userId, 0, `e-${name}`)),
    ];
  });
  await store.apply(batch(...items));
}

const alongX = Float32Array.from([1, 0, 0]);

type Held = () => RelationalStore;

function historyCases(held: Held): void {
  describe('history (A1.4)', () => {
    test('pages through all of a user, newest first, equal times by id', async () => {
      const rows = Array.from({ length: 25 }, (_, i) =>
        relationalConversation(`c${String(i).padStart(2, '0')}`, 'u1', i >> 2),
      );
      await held().apply(batch(...rows.map((row) => item('conversation', String(row.id), 1, row))));
      await held().apply(batch(item('conversation', 'other', 1, relationalConversation('other', 'u2', 99))));
      const seen: string[] = [];
      for (let after: string | null = null; ; ) {
        const page = await held().conversations({ userId: 'u1', sessionId: null, limit: 7, after });
        seen.push(...page.items.map((row) => String(row.id)));
        after = page.next;
        if (after === null) break;
      }
      expect(seen).toEqual(rows.map((row) => String(row.id)).reverse());
    });

    test('a session and a type narrow it', async () => {
      const other = { ...relationalConversation('b', 'u1', 1), session_id: 's2' };
      await held().apply(
        batch(item('conversation', 'a', 1, relationalConversation('a', 'u1', 0)), item('conversation', 'b', 1, other)),
      );
      await held().apply(batch(item('analysis', 'x', 1, { ...analysis('x', 'u1', 1), embedding_id: null })));
      const page = await held().conversations({ userId: 'u1', sessionId: 's2', limit: 10, after: null });
      expect(page.items).toEqual([other]);
      const ask = { userId: 'u1', sessionId: null, limit: 10, after: null };
      expect((await held().analyses({ ...ask, analysisType: 'cv' })).items).toHaveLength(1);
      expect((await held().analyses({ ...ask, analysisType: 'other' })).items).toHaveLength(0);
    });

    test.each(['', 'x', '!!', Buffer.from('[1,2]').toString('base64url'), Buffer.from('["a"]').toString('base64url')])(
      'the cursor %p is refused',
      async (after) => {
        const asked = held().conversations({ userId: 'u1', sessionId: null, limit: 7, after });
        await expect(asked).rejects.toMatchObject({ code: 'invalid_cursor' });
      },
    );
  });

  test('statistics count all and average what has a score, without the error of a plain sum (A1.5)', async () => {
    const scored = (id: string, userId: string, score: number | null): Row => ({
      ...analysis(id, userId, score),
      embedding_id: null,
    });
    const rows = [scored('a', 'u1', 0.5), scored('b', 'u1', null), scored('c', 'u2', 0.25)];
    const many = Array.from({ length: 1000 }, (_, i) => scored(`m${i}`, 'u3', 0.1));
    await held().apply(batch(...[...rows, ...many].map((row) => item('analysis', String(row.id), 1, row))));
    expect(await held().analysisStatistics('u1')).toEqual({ total: 2, averageConfidence: 0.5 });
    expect(await held().analysisStatistics('u3')).toEqual({ total: 1000, averageConfidence: 0.1 });
    expect(await held().analysisStatistics(null)).toMatchObject({ total: 1003 });
    expect(await held().analysisStatistics('nobody')).toEqual({ total: 0, averageConfidence: null });
  });
}

function rankingCases(held: Held): void {
  test('finds the nearest with the fields of a vector store', async () => {
    await fillAround(held(), 'u1', [90, 10, 45]);
    const found = await held().nearest({ entity: 'conversation', vector: alongX, limit: 2, userId: null });
    expect(found.map(({ id }) => id)).toEqual(['u1-00001', 'u1-00002']);
    expect(found[0]?.score).toBeCloseTo(Math.cos(Math.PI / 18), 5);
    expect(Object.keys(found[0]?.document ?? {})).toEqual([
      'conversationId',
      'userInput',
      'aiResponse',
      'userId',
      'sessionId',
      'modelName',
      'createdAt',
    ]);
  });

  test('a user whose rows all lie behind thousands of others still gets what was asked for', async () => {
    for (let part = 0; part < 5; part++) {
      await fillAround(
        held(),
        `near${part}`,
        Array.from({ length: 900 }, (_, i) => i / 100),
      );
    }
    await fillAround(held(), 'far', [80, 70, 85]);
    const found = await held().nearest({ entity: 'conversation', vector: alongX, limit: 3, userId: 'far' });
    expect(found.map(({ id }) => id)).toEqual(['far-00001', 'far-00000', 'far-00002']);
    expect(await held().nearest({ entity: 'analysis', vector: alongX, limit: 3, userId: null })).toEqual([]);
  });

  test('records that share an embedding are all found, equal scores by id', async () => {
    const rows = ['c', 'a', 'b'].map((id) => relationalConversation(id, 'u1', 0, 'e'));
    await held().apply(batch(item('embedding', 'e', 1, embedding('e', [1, 0, 0]))));
    await held().apply(batch(...rows.map((row) => item('conversation', String(row.id), 1, row))));
    const found = await held().nearest({ entity: 'conversation', vector: alongX, limit: 2, userId: 'u1' });
    expect(found.map(({ id, score }) => [id, score])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });
}

/** `reopen` closes the store and opens it for vectors of another length. */
function vectorCases(held: Held, reopen: (dimensions: number) => Promise<void>): void {
  test('a vector of zeros is held, and spoils no order', async () => {
    await fillAround(held(), 'u1', [10]);
    await held().apply(batch(item('embedding', 'zero', 1, embedding('zero', [0, -0, 0]))));
    await held().apply(batch(item('conversation', 'z', 1, relationalConversation('z', 'u1', 0, 'zero'))));
    const [zero] = await held().get([{ entity: 'embedding', id: 'zero' }]);
    expect(zero?.document).toEqual(embedding('zero', [0, -0, 0]));
    const found = await held().nearest({ entity: 'conversation', vector: alongX, limit: 5, userId: null });
    expect(found.map(({ id }) => id)).toEqual(['u1-00000']);
    expect(
      await held().nearest({ entity: 'conversation', vector: new Float32Array(3), limit: 5, userId: null }),
    ).toEqual([]);
  });

  test('wrong dimensions are refused, of a query and of a record', async () => {
    const asked = held().nearest({ entity: 'conversation', vector: new Float32Array(4), limit: 5, userId: null });
    await expect(asked).rejects.toMatchObject({ code: 'invalid_request' });
    const [result] = await held().apply(batch(item('embedding', 'e', 1, embedding('e', [1, 2]))));
    expect(result).toEqual({ outcome: 'refused', reason: 'the vector has 2 dimensions, the store 3' });
  });

  test('another dimension empties the vectors only, and takes the label away', async () => {
    await fillAround(held(), 'u1', [10]);
    await held().setLabel('label');
    await reopen(2);
    expect(await held().label()).toBeNull();
    expect((await held().scan('embedding', null, 10)).records).toEqual([]);
    expect((await held().scan('conversation', null, 10)).records).toHaveLength(1);
    const [again] = await held().apply(batch(item('embedding', 'e-u1-00000', 1, embedding('e-u1-00000', [1, 0]))));
    expect(again).toEqual({ outcome: 'applied' });
  });

  test('the index has no more rows after records were applied and removed many times', async () => {
    for (let version = 1; version <= 30; version++) {
      await fillAround(held(), 'u1', [version]);
      await held().apply(
        batch(item('embedding', 'gone', version, version % 2 ? embedding('gone', [version, 1, 0]) : null)),
      );
    }
    await held().scrub();
    const found = await held().nearest({ entity: 'conversation', vector: alongX, limit: 5, userId: null });
    expect(found).toHaveLength(1);
    const { records } = await held().scan('embedding', null, 10);
    expect(records.map(({ id, deleted }) => [id, deleted])).toEqual([
      ['e-u1-00000', false],
      ['gone', true],
    ]);
  });
}

/** Holds an engine to the queries of the relational store, beside the conformance suite. */
export function testRelational(name: string, newPlace: () => Promise<RelationalPlace>): void {
  let place: RelationalPlace;
  let store: RelationalStore;

  async function open(length = dimensions): Promise<RelationalStore> {
    const opened = await place.open(length);
    await opened.migrate();
    return opened;
  }

  beforeEach(async () => {
    place = await newPlace();
    store = await open();
  });

  afterEach(async () => {
    await store.close();
    await place.remove();
  });

  async function reopen(length: number): Promise<void> {
    await store.close();
    store = await open(length);
  }

  describe(`relational queries: ${name}`, () => {
    historyCases(() => store);
    describe('similarity', () => {
      rankingCases(() => store);
      vectorCases(() => store, reopen);
    });
  });
}
