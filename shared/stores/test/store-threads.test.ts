import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Json, Role } from '@mindora/contracts';
import { Thread } from '@mindora/runtime';
import { connectStore, type StoreThreadData, storeThreadModule } from '../src/create.ts';
import { batch, item, relationalConversation, until } from './support/samples.ts';
import { storeFile } from './support/stores.ts';

let directory: string;
let remove: () => void;
const threads: Thread[] = [];

async function start(role: Role): Promise<Thread> {
  const data: StoreThreadData = { role, directory, dimensions: 3 };
  const thread = await Thread.start({ name: role, module: storeThreadModule, data });
  threads.push(thread);
  return thread;
}

beforeEach(() => {
  const { file, remove: removeDirectory } = storeFile();
  directory = dirname(file);
  remove = removeDirectory;
});

afterEach(async () => {
  for (const thread of threads.splice(0)) await thread.stop();
  remove();
});

test('a store in a thread says what it is without a call, and keeps what it has over a crash', async () => {
  const thread = await start('relational');
  const store = await connectStore('relational', thread);
  expect([store.role, store.capabilities.dimensions]).toEqual(['relational', 3]);
  expect(store.engine).toMatch(/^SQLite \d/);
  const document = relationalConversation('a', 'u1', 1);
  await store.apply(batch(item('conversation', 'a', 1, document)));
  await thread.kill();
  await until(() => thread.running);
  expect((await store.conversations({ userId: 'u1', sessionId: null, limit: 1, after: null })).items).toEqual([
    document,
  ]);
  const found = await store.nearest({
    entity: 'conversation',
    vector: Float32Array.from([1, 0, 0]),
    limit: 1,
    userId: null,
  });
  expect(found).toEqual([]);
});

test('a damaged file keeps no thread from starting; wiping makes it anew, and scrubbing forgets what was kept', async () => {
  writeFileSync(join(directory, 'documents.sqlite'), 'not a database, but longer than a header would be'.repeat(99));
  const documents = await connectStore('documents', await start('documents'));
  expect(documents.engine).toMatch(/^SQLite \d.* JSON$/);
  expect(await documents.health()).toMatchObject({ ok: false, detail: expect.stringMatching('SQLITE_NOTADB') });
  await expect(documents.positions()).rejects.toMatchObject({ code: 'store_unavailable' });
  await documents.wipe();
  expect(await documents.health()).toMatchObject({ ok: true });
  expect(await documents.label()).toBeNull();
  const kept = (): string[] => readdirSync(directory).filter((name) => name.includes('.damaged-'));
  expect(kept()).toHaveLength(1);
  await documents.scrub();
  expect(kept()).toEqual([]);
});

test('a file that was put in the place of the open one is noticed when the label is read', async () => {
  const documents = await connectStore('documents', await start('documents'));
  await documents.setLabel('filled');
  renameSync(join(directory, 'documents.sqlite'), join(directory, 'elsewhere'));
  expect(await documents.label()).toBeNull();
  expect(await documents.health()).toMatchObject({ ok: true });
});

test('a thread of another role is refused', async () => {
  const thread = await start('documents');
  await expect(connectStore('personal', thread)).rejects.toMatchObject({ code: 'internal' });
});

test('subscribers of the cache hear across threads, and again after a crash', async () => {
  const thread = await start('cache');
  const cache = await connectStore('cache', thread);
  const heard: Json[] = [];
  const end = await cache.subscribe('news', (message) => heard.push(message));
  await cache.publish('news', { n: 1 });
  await until(() => heard.length === 1);
  await thread.kill();
  await until(() => thread.running);
  // Until the subscriber is back, messages are lost: one is sent again and again.
  let sending = true;
  const sender = (async () => {
    while (sending) {
      await cache.publish('news', { n: 2 });
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await until(() => heard.length > 1);
  sending = false;
  await sender;
  await end();
  expect(heard.slice(0, 2)).toEqual([{ n: 1 }, { n: 2 }]);
});

/** Prints as libraries do, and serves nothing. */
const talking = `
  import { parentPort } from 'node:worker_threads';
  console.warn('tried again');
  console.log('by the way');
  parentPort.on('message', ({ stop }) => stop && process.exit(0));
  parentPort.postMessage({ ready: true });`;

test('what libraries print in a thread comes to who asked for it, also after a crash', async () => {
  const said: string[] = [];
  const module = new URL(`data:text/javascript,${encodeURIComponent(talking)}`);
  const thread = await Thread.start({ name: 'talking', module, data: null, onOutput: (text) => said.push(text) });
  threads.push(thread);
  const times = (text: string): number => said.join('').split(text).length - 1;
  await until(() => times('tried again\n') === 1 && times('by the way\n') === 1);
  await thread.kill();
  await until(() => times('tried again\n') === 2 && times('by the way\n') === 2);
});
