import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '@mindora/runtime';
import { until } from '@mindora/testing/plain';
import { type Collection, MongoClient, ObjectId } from 'mongodb';
import { type MongoDocuments, openMongoDocuments } from '../src/documents/mongodb.ts';
import { documentOfConversation as conversation, testDocuments } from './support/documents-suite.ts';
import { sharedDatabase } from './support/mongo.ts';
import { batch, item, type StandingClock, standingClock } from './support/samples.ts';

/** The server's TTL runs by the real time, so the test's clock begins there. */
async function open(clock: StandingClock, examinedMax?: number): Promise<MongoDocuments> {
  const more = examinedMax === undefined ? {} : { examinedMax };
  const store = openMongoDocuments({ url: await sharedDatabase(), namespace: '' }, { clock, ...more });
  await store.migrate();
  return store;
}

testDocuments('MongoDB protocol', () => standingClock(Date.now()), open);

describe('in the server', () => {
  let client: MongoClient;
  let store: MongoDocuments;
  let documents: Collection<{ _id: string | ObjectId; [field: string]: unknown }>;

  beforeAll(async () => {
    const url = await sharedDatabase();
    client = new MongoClient(url);
    documents = client.db().collection('ai_conversations');
    store = openMongoDocuments({ url, namespace: '' }, { clock: systemClock() });
    await store.migrate();
  });
  afterAll(async () => {
    await store.close();
    await client.close();
  });

  test('are the indexes of A2.6; migrate changes none, and mends one that was changed', async () => {
    const shown = async () => {
      const indexes = await documents.listIndexes().toArray();
      return Object.fromEntries(
        indexes.map(({ name, key, expireAfterSeconds, partialFilterExpression: partial }) => {
          return [name, { fields: Object.keys(key), expireAfterSeconds, partial: Object.keys(partial ?? {})[0] }];
        }),
      );
    };
    const before = await shown();
    expect(before).toMatchObject({
      by_user_id_created_at: { fields: ['user_id', 'created_at', '_id'], partial: 'user_id' },
      by_session_id: { fields: ['session_id', '_id'], partial: 'session_id' },
      newest: { fields: ['created_at', '_id'] },
      expired: { fields: ['_expires_at'], expireAfterSeconds: 0 },
      deleted: { fields: ['_deleted_at'], partial: '_deleted_at' },
    });
    await documents.dropIndex('expired');
    await documents.createIndex({ _expires_at: 1 }, { name: 'expired', expireAfterSeconds: 60 });
    await store.migrate();
    expect(await shown()).toEqual(before);
  });

  test('what has expired is removed by the server itself', async () => {
    const expiresAt = Date.now() + 1;
    await store.apply(batch(item('conversation', 'short', 1, conversation('short', 'u1', 1), { expiresAt })));
    await until(async () => (await documents.countDocuments({ _id: 'short' })) === 0, 150_000);
  });

  test('keys that mean something to a server or a driver are kept, and are found', async () => {
    const context = {
      'a.b': { $gt: 1 },
      $ref: 'x',
      $id: 1,
      _bsontype: 'ObjectId',
      '': [{ '%2e': 0 }],
      'x\u0000': 'NUL',
      '%': 1,
    };
    await store.apply(batch(item('conversation', 'keys', 1, conversation('keys', 'u-keys', 1, context))));
    const find = async (filter: Record<string, string | number>) => {
      const page = await store.find({ entity: 'conversation', filter, userId: 'u-keys', limit: 9, after: null });
      return page.items.map(({ context: found }) => found);
    };
    expect(await find({})).toEqual([context]);
    expect(await find({ 'context._bsontype': 'ObjectId' })).toEqual([context]);
    expect(await find({ 'context.%': 1 })).toEqual([context]);
    expect(await find({ 'context.%24ref': 'x' })).toEqual([]);
  });

  test('a document above the bound of the server is refused alone', async () => {
    const large = conversation(
      'large',
      'u1',
      1,
      Array.from({ length: 9 }, () => 'x'.repeat(2_000_000)),
    );
    const results = await store.apply(
      batch(item('conversation', 'large', 1, large), item('conversation', 'small', 1, conversation('small', 'u1', 1))),
    );
    expect(results).toEqual([{ outcome: 'refused', reason: expect.stringMatching(/16 MB/) }, { outcome: 'applied' }]);
  });

  test('what another writes is what a scan shows; what has no text as its key, no query sees', async () => {
    await store.wipe();
    await store.apply(batch(item('conversation', 'a', 1, conversation('a', 'u1', 1))));
    await documents.updateOne({ _id: 'a' }, { $set: { user_input: 'forged', ai_response: new Date(0) } });
    await documents.insertOne({ _id: 'foreign', conversation_id: 'foreign', _version: 'none' });
    await documents.insertOne({ _id: new ObjectId(), conversation_id: 'by id' });
    const { records } = await store.scan('conversation', null, 10);
    expect(records.map(({ id, version, document, fault }) => [id, version, document?.user_input, fault])).toEqual([
      ['a', 1, 'forged', 'it holds values that are not JSON'],
      ['foreign', null, undefined, undefined],
    ]);
    const page = await store.find({ entity: 'conversation', filter: {}, userId: null, limit: 9, after: null });
    expect(page.items.map(({ _id }) => _id).sort()).toEqual(['a', 'foreign']);
    const results = await store.apply(
      batch(item('conversation', 'foreign', 1, null), item('conversation', 'a', 1, null)),
    );
    expect(results).toEqual([{ outcome: 'applied' }, { outcome: 'applied' }]);
  });

  test('its journal is on', async () => {
    expect(await store.weakSettings()).toEqual([]);
  });
});

test('two writers of the same new records end at the newest of each, and know what they did', async () => {
  const url = await sharedDatabase();
  const clock = systemClock();
  const stores = [1, 2].map(() => openMongoDocuments({ url, namespace: '' }, { clock }));
  await Promise.all(stores.map((store) => store.migrate()));
  const ids = Array.from({ length: 20 }, (_, i) => `c${i}`);
  for (let round = 0; round < 5; round++) {
    const versions = round % 2 === 0 ? [1, 2] : [round * 2 + 2, round * 2 + 1];
    const answers = await Promise.all(
      stores.map((store, i) => {
        const version = (versions[i] ?? 0) + round * 10;
        return store.apply(
          batch(...ids.map((id) => item('conversation', id, version, conversation(id, 'u1', version % 50)))),
        );
      }),
    );
    const newest = Math.max(...versions) + round * 10;
    for (const result of answers.flat()) {
      if (result.outcome !== 'applied') expect(result).toEqual({ outcome: 'stale', version: newest });
    }
    const { records } = await (stores[0] as MongoDocuments).scan('conversation', null, 100);
    expect(records.map(({ version }) => version)).toEqual(ids.map(() => newest));
  }
  await Promise.all(stores.map((store) => store.close()));
});
