import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Json, Row } from '@mindora/contracts';
import type { DocumentFilter, DocumentStore } from '../../src/documents/port.ts';
import { batch, item, type StandingClock, storedConversation } from './samples.ts';

/** A conversation as the document store has it. */
export function documentOfConversation(id: string, userId: string, second: number, context: Json = null): Row {
  const { id: key, ...rest } = storedConversation(id, userId, second, context);
  return { conversation_id: key ?? null, ...rest, metadata: { source: 'ai_api', version: '1.0', tags: ['a', 'b'] } };
}

const conversation = documentOfConversation;

/** The store of the test that runs, the clock that it goes by, and how another is opened. */
interface Tested {
  clock: StandingClock;
  store: DocumentStore;
  open: (examinedMax?: number) => Promise<DocumentStore>;
}

async function put({ store }: Tested, ...documents: Row[]): Promise<void> {
  const items = documents.map((document) => item('conversation', String(document.conversation_id), 1, document));
  await store.apply(batch(...items));
}

async function find({ store }: Tested, filter: DocumentFilter, userId: string | null = null): Promise<string[]> {
  const page = await store.find({ entity: 'conversation', filter, userId, limit: 100, after: null });
  return page.items.map((document) => String(document._id));
}

/** What any engine of the document store answers. `open` gives an empty store that goes by the clock, migrated. */
export function testDocuments(
  name: string,
  standing: () => StandingClock,
  open: (clock: StandingClock, examinedMax?: number) => Promise<DocumentStore>,
): void {
  describe(`documents on ${name}`, () => {
    const tested = {} as Tested;
    beforeEach(async () => {
      tested.clock = standing();
      tested.open = (examinedMax) => open(tested.clock, examinedMax);
      tested.store = await tested.open();
    });
    afterEach(() => tested.store.close());

    testFind(tested);
    testPages(tested);
    testExpiry(tested);
    testProfile(tested);
  });
}

function testFind(tested: Tested): void {
  describe('find (A1.8)', () => {
    test('gives whole documents with _id, newest first', async () => {
      await put(tested, conversation('a', 'u1', 1), conversation('c', 'u1', 2), conversation('b', 'u1', 2));
      const page = await tested.store.find({
        entity: 'conversation',
        filter: {},
        userId: null,
        limit: 10,
        after: null,
      });
      expect(page.items).toEqual([
        { _id: 'c', ...conversation('c', 'u1', 2) },
        { _id: 'b', ...conversation('b', 'u1', 2) },
        { _id: 'a', ...conversation('a', 'u1', 1) },
      ]);
    });

    test('filters inside JSON, by indexed fields and by _id', async () => {
      await put(
        tested,
        conversation('a', 'u1', 1, { x: { y: [1, 2] } }),
        conversation('b', 'u2', 2, { x: { y: 'z' } }),
      );
      expect(await find(tested, { 'context.x.y': 2 })).toEqual(['a']);
      expect(await find(tested, { 'metadata.tags': 'b', user_id: 'u2' })).toEqual(['b']);
      expect(await find(tested, { _id: 'a' })).toEqual(['a']);
      expect(await find(tested, { created_at: { $gt: '2026-03-01T00:00:01.000000Z' } })).toEqual(['b']);
      expect(await find(tested, { user_id: { $gt: 5 } })).toEqual([]);
    });

    test('texts with NUL and beyond the basic plane are found by indexed fields as by others', async () => {
      const userId = 'u\u0000\u{1f600}';
      await put(tested, conversation('a', userId, 1, { text: 'x\u0000y' }));
      expect(await find(tested, { user_id: userId })).toEqual(['a']);
      expect(await find(tested, {}, userId)).toEqual(['a']);
      expect(await find(tested, { user_id: 'u' })).toEqual([]);
      expect(await find(tested, { 'context.text': 'x\u0000y' })).toEqual(['a']);
    });

    test('no filter reaches another user', async () => {
      await put(tested, conversation('a', 'u1', 1), conversation('b', 'u2', 2));
      expect(await find(tested, { $or: [{ user_id: 'u2' }, {}] }, 'u1')).toEqual(['a']);
      const configs = tested.store.find({
        entity: 'ai_service_config',
        filter: {},
        userId: 'u1',
        limit: 1,
        after: null,
      });
      expect((await configs).items).toEqual([]);
    });
  });
}

function testPages(tested: Tested): void {
  describe('pages and bounds', () => {
    test('pages go on where the last one ended', async () => {
      await put(tested, ...Array.from({ length: 10 }, (_, i) => conversation(`c${i}`, i % 2 ? 'u1' : 'u2', i >> 1)));
      const seen: string[] = [];
      for (let after: string | null = null; ; ) {
        const page = await tested.store.find({
          entity: 'conversation',
          filter: { user_id: 'u1' },
          userId: null,
          limit: 2,
          after,
        });
        seen.push(...page.items.map(({ _id }) => String(_id)));
        after = page.next;
        if (after === null) break;
      }
      expect(seen).toEqual(['c9', 'c7', 'c5', 'c3', 'c1']);
    });

    test('a query that would look at everything is refused, one by an index is not', async () => {
      await tested.store.close();
      tested.store = await tested.open(5);
      await put(tested, ...Array.from({ length: 20 }, (_, i) => conversation(`c${i}`, `u${i}`, i)));
      await expect(find(tested, { user_input: { $regex: 'nothing' } })).rejects.toMatchObject({
        code: 'invalid_filter',
      });
      expect(await find(tested, { user_input: { $regex: '^quest' }, user_id: 'u3' })).toEqual(['c3']);
    });
  });
}

function testExpiry(tested: Tested): void {
  describe('expiry (A2.6)', () => {
    test('an expired document is invisible at once', async () => {
      const expiresAt = tested.clock.at + 60_000;
      await tested.store.apply(batch(item('conversation', 'a', 1, conversation('a', 'u1', 1), { expiresAt })));
      expect(await find(tested, {})).toEqual(['a']);
      tested.clock.at = expiresAt;
      expect(await find(tested, {})).toEqual([]);
      expect((await tested.store.scan('conversation', null, 10)).records).toEqual([]);
    });

    test('purge takes all that has expired', async () => {
      const items = Array.from({ length: 1200 }, (_, i) =>
        item('conversation', `c${i}`, 1, conversation(`c${i}`, 'u1', 1), { expiresAt: tested.clock.at + 600_000 }),
      );
      await tested.store.apply(batch(...items));
      tested.clock.at += 600_001;
      expect(await tested.store.purge(0)).toBe(1200);
      expect(await tested.store.purge(0)).toBe(0);
    });
  });
}

function testProfile(tested: Tested): void {
  test('a profile is found by its user, until it is deleted (A1.9)', async () => {
    const profile = { user_id: 'u1', profile: { a: null }, created_at: conversation('', '', 0).created_at ?? null };
    const document = { ...profile, updated_at: profile.created_at };
    await tested.store.apply(batch(item('profile', 'u1', 1, document)));
    expect(await tested.store.profile('u1')).toEqual({ _id: 'u1', ...document });
    await tested.store.apply(batch(item('profile', 'u1', 2, null)));
    expect(await tested.store.profile('u1')).toBeNull();
  });
}
