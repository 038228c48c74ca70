import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Row } from '@mindora/contracts';
import Database from 'better-sqlite3';
import { SqliteDocuments } from '../src/documents/index.ts';
import { documentOfConversation as conversation, testDocuments } from './support/documents-suite.ts';
import { batch, item, type StandingClock, standingClock } from './support/samples.ts';
import { storeFile } from './support/stores.ts';

let file: string;
let remove: () => void;

async function open(clock: StandingClock, examinedMax?: number): Promise<SqliteDocuments> {
  const opened = new SqliteDocuments({ file, clock, ...(examinedMax === undefined ? {} : { examinedMax }) });
  await opened.migrate();
  return opened;
}

async function put(store: SqliteDocuments, ...documents: Row[]): Promise<void> {
  await store.apply(batch(...documents.map((one) => item('conversation', String(one.conversation_id), 1, one))));
}

beforeEach(() => {
  ({ file, remove } = storeFile());
});
afterEach(() => remove());

testDocuments('SQLite', standingClock, open);

test('an expired document is gone from the file with the next batch', async () => {
  const clock = standingClock();
  const store = await open(clock);
  const expiresAt = clock.at + 1000;
  await store.apply(batch(item('conversation', 'a', 1, conversation('a', 'u1', 1), { expiresAt })));
  clock.at = expiresAt;
  await put(store, conversation('b', 'u1', 2));
  const database = new Database(file, { readonly: true });
  expect(database.prepare('SELECT id FROM ai_conversations').pluck().all()).toEqual(['b']);
  database.close();
  await store.close();
});

test('what another writes into a document is what a scan shows', async () => {
  const store = await open(standingClock());
  await put(store, conversation('a', 'u1', 1));
  const database = new Database(file);
  database.exec(`UPDATE ai_conversations SET json = json_set(json, '$.user_input', 'forged')`);
  database.exec(`INSERT INTO ai_conversations (id, json) VALUES ('foreign', '{"conversation_id": "foreign"}')`);
  database.close();
  const { records } = await store.scan('conversation', null, 10);
  expect(records.map(({ id, version, document }) => [id, version, document?.user_input])).toEqual([
    ['a', 1, 'forged'],
    ['foreign', null, undefined],
  ]);
  await store.close();
});
