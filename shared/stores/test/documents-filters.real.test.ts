import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Json } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import fc from 'fast-check';
import { SqliteDocuments } from '../src/documents/index.ts';
import { openMongoDocuments } from '../src/documents/mongodb.ts';
import type { DocumentFilter, DocumentStore } from '../src/documents/port.ts';
import { documentOfConversation as conversation } from './support/documents-suite.ts';
import { sharedDatabase } from './support/mongo.ts';
import { batch, item, time } from './support/samples.ts';
import { storeFile } from './support/stores.ts';

const keys = ['a', 'b', '0', '1', '%', '$x', 'a.b', '__proto__', '_version'];
const pathParts = ['a', 'b', '0', '1', '00', '%', '__proto__', '_version'];
const scalars: Json[] = [
  null,
  true,
  false,
  0,
  -0,
  1,
  1.5,
  2 ** 53 - 1,
  '',
  '1',
  'a',
  'A',
  '中',
  '\uffff',
  '😀',
  'x\u0000',
  '%',
];

const scalar = fc.constantFrom(...scalars);
/** Few keys and values, so that filters meet documents. */
const oftenKey = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('a', 'b') }, fc.constantFrom(...keys));
const { value, object } = fc.letrec<{ value: Json; object: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 3, arbitrary: scalar },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 3, arbitrary: tie('object') },
  ),
  object: fc
    .uniqueArray(fc.tuple(oftenKey, tie('value')), { maxLength: 3, selector: ([key]) => key })
    .map((members): Json => Object.fromEntries(members)),
}));

const path = fc.oneof(
  fc.constantFrom(
    'user_input',
    'user_id',
    '_id',
    'conversation_id',
    'created_at',
    'metadata.tags',
    '_version',
    '_deleted_at',
  ),
  fc
    .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom('a', 'b') }, fc.constantFrom(...pathParts)), {
      minLength: 1,
      maxLength: 2,
      size: 'max',
    })
    .map((parts) => ['context', ...parts].join('.')),
);
const operand = fc.oneof(scalar, value, fc.constantFrom<Json>('question', 'u1', 'c1', time(3), [], {}, 'ai_api'));
const condition = fc.oneof(
  operand,
  fc.tuple(fc.constantFrom('$eq', '$ne'), operand).map(([name, one]): Json => ({ [name]: one })),
  fc.tuple(fc.constantFrom('$gt', '$gte', '$lt', '$lte'), scalar).map(([name, one]): Json => ({ [name]: one })),
  fc.tuple(scalar, scalar).map(([low, high]): Json => ({ $gte: low, $lte: high })),
  fc
    .tuple(fc.constantFrom('$in', '$nin'), fc.array(operand, { maxLength: 3 }))
    .map(([name, list]): Json => ({ [name]: list })),
  fc.boolean().map((there): Json => ({ $exists: there })),
  fc.constantFrom('^a', 'a', '.', '').map((pattern): Json => ({ $regex: pattern })),
  scalar.map((one): Json => ({ $not: { $gt: one } })),
);
const { filter } = fc.letrec<{ filter: DocumentFilter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.dictionary(path, condition, { minKeys: 1, maxKeys: 2 }) as fc.Arbitrary<DocumentFilter>,
    fc
      .tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(tie('filter'), { minLength: 1, maxLength: 3 }))
      .map(([name, parts]): DocumentFilter => ({ [name]: parts })),
  ),
}));

const files = storeFile();
let embedded: DocumentStore;
let server: DocumentStore;

beforeAll(async () => {
  embedded = new SqliteDocuments({ file: files.file, clock: systemClock() });
  server = openMongoDocuments({ url: await sharedDatabase(), namespace: '' }, { clock: systemClock() });
  await Promise.all([embedded.migrate(), server.migrate()]);
});
afterAll(async () => {
  await Promise.all([embedded.close(), server.close()]);
  files.remove();
});

async function answer(store: DocumentStore, given: DocumentFilter, userId: string): Promise<unknown> {
  try {
    const { items } = await store.find({ entity: 'conversation', filter: given, userId, limit: 100, after: null });
    return items;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

// fast-check prints the seed and the smallest documents and filter of a failure.
test('a filter finds the same documents on the server as on the embedded engine', async () => {
  let user = 0;
  let found = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(object, { minLength: 1, maxLength: 20, size: 'max' }),
      fc.array(filter, { minLength: 1, maxLength: 40, size: 'max' }),
      async (contexts, filters) => {
        const userId = `user ${user++}`;
        const documents = contexts.map((context, i) => conversation(`${userId} ${i}`, userId, i % 5, context));
        const items = documents.map((one) => item('conversation', String(one.conversation_id), 1, one));
        const [here, there] = [await embedded.apply(batch(...items)), await server.apply(batch(...items))];
        expect(there).toEqual(here);
        for (const given of filters) {
          const wanted = await answer(embedded, given, userId);
          expect([given, await answer(server, given, userId)]).toEqual([given, wanted]);
          if (Array.isArray(wanted) && wanted.length > 0 && wanted.length < contexts.length) found += 1;
        }
      },
    ),
    { numRuns: 40 },
  );
  expect(found).toBeGreaterThan(20);
});
