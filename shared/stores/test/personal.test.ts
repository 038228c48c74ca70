import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { fileNameOf } from '../src/personal/files.ts';
import { SqlitePersonal } from '../src/personal/index.ts';
import { batch, item, standingClock, storedConversation } from './support/samples.ts';
import { storeFile } from './support/stores.ts';

let directory: string;
let remove: () => void;
let store: SqlitePersonal;

async function open(): Promise<SqlitePersonal> {
  const opened = new SqlitePersonal({ directory: directory, clock: standingClock() });
  await opened.migrate();
  return opened;
}

const conversation = (id: string, userId: string, version = 1) =>
  item('conversation', id, version, storedConversation(id, userId, version));

/** Writes past the store, as a person in the database's shell would. */
function tamper(userId: string, sql: string): void {
  const database = new Database(join(directory, fileNameOf(userId)));
  database.exec(sql);
  database.close();
}

const insertion = (id: string, userId: string): string =>
  `INSERT INTO conversations (id, user_id, created_at) VALUES ('${id}', '${userId}', '2026-01-01T00:00:00.000000Z')`;

const files = (): string[] => readdirSync(directory).filter((name) => /^[0-9a-f]{32}\.sqlite$/.test(name));

beforeEach(async () => {
  const { file, remove: removeDirectory } = storeFile();
  directory = dirname(file);
  remove = removeDirectory;
  store = await open();
});

afterEach(async () => {
  await store.close();
  remove();
});

describe('a file a user (A2.8)', () => {
  test("a user's file holds its content and no other's", async () => {
    await store.apply(batch(conversation('a', 'alice'), conversation('b', 'bob')));
    const database = new Database(join(directory, fileNameOf('alice')), { readonly: true });
    expect(database.prepare('SELECT id, user_id FROM conversations').all()).toEqual([{ id: 'a', user_id: 'alice' }]);
    expect(database.prepare('SELECT user_id FROM _owner').pluck().all()).toEqual(['alice']);
    database.close();
    const index = readFileSync(join(directory, 'index.sqlite'));
    expect(index.includes('question')).toBe(false);
  });

  test('a tombstone without an owner finds the file, and the last one removes it', async () => {
    await store.apply(batch(conversation('a', 'alice'), conversation('b', 'alice')));
    await store.apply(batch(item('conversation', 'a', 2, null)));
    expect(files()).toEqual([fileNameOf('alice')]);
    await store.apply(batch(item('conversation', 'b', 2, null)));
    expect(readdirSync(directory).filter((name) => name.startsWith(fileNameOf('alice')))).toEqual([]);
    const { records } = await store.scan('conversation', null, 10);
    expect(records.map(({ id, version, deleted }) => [id, version, deleted])).toEqual([
      ['a', 2, true],
      ['b', 2, true],
    ]);
  });

  test('a record of nobody, or of another user than its document, is refused', async () => {
    const foreign = { ...conversation('a', 'alice'), owner: 'bob' };
    const results = await store.apply(batch({ ...conversation('a', 'alice'), owner: null }, foreign));
    expect(results.map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
    expect(files()).toEqual([]);
  });

  test('lists newest first, page by page, and nothing of others', async () => {
    const items = Array.from({ length: 7 }, (_, i) =>
      item('conversation', `c${i}`, 1, storedConversation(`c${i}`, 'alice', i >> 1)),
    );
    await store.apply(batch(...items, conversation('x', 'bob')));
    const first = await store.list('alice', 'conversation', 4, null);
    const second = await store.list('alice', 'conversation', 4, first.next);
    const ids = [...first.items, ...second.items].map(({ id }) => id);
    expect(ids).toEqual(['c6', 'c5', 'c4', 'c3', 'c2', 'c1', 'c0']);
    expect(second.next).toBeNull();
    expect(await store.list('carol', 'conversation', 4, null)).toEqual({ items: [], next: null });
    expect(files()).toHaveLength(2);
  });

  test('more users than files may be open', async () => {
    const items = Array.from({ length: 150 }, (_, i) => conversation(`c${String(i).padStart(3, '0')}`, `user${i}`));
    await store.apply(batch(...items));
    const { records } = await store.scan('conversation', null, 1000);
    expect(records.map(({ document }) => document?.user_id)).toEqual(items.map(({ owner }) => owner));
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(400);
  });
});

describe('what sync did not write', () => {
  test('is found in files that the register knows, and in others', async () => {
    await store.apply(batch(conversation('b', 'alice'), conversation('z', 'bob')));
    tamper('alice', insertion('a', 'alice'));
    const seen = async () =>
      (await store.scan('conversation', null, 10)).records.map(({ id, version }) => [id, version]);
    expect(await seen()).toEqual([
      ['a', null],
      ['b', 1],
      ['z', 1],
    ]);
    tamper('alice', `DELETE FROM conversations WHERE id = 'a'`);
    expect(await seen()).toEqual([
      ['b', 1],
      ['z', 1],
    ]);
  });

  test("a record that also lies in another user's file has a fault", async () => {
    await store.apply(batch(conversation('a', 'alice'), conversation('b', 'bob')));
    tamper('bob', insertion('a', 'alice'));
    const { records } = await store.scan('conversation', null, 10);
    expect(records.find(({ id }) => id === 'a')?.fault).toBe("another user's file holds it, too");
  });

  test('a deleted record that came back is told as living', async () => {
    await store.apply(batch(conversation('a', 'alice'), conversation('b', 'alice')));
    await store.apply(batch(item('conversation', 'a', 2, null)));
    tamper('alice', insertion('a', 'alice'));
    const [record] = (await store.scan('conversation', null, 10)).records;
    expect(record).toMatchObject({ id: 'a', version: 2, deleted: false, document: { id: 'a' } });
    const [version] = (await store.scanVersions('conversation', null, 10)).records;
    expect(version).toMatchObject({ id: 'a', deleted: false, fault: 'a document stands where a tombstone should' });
  });

  test('a file that was removed, and one put in its place, are noticed while open', async () => {
    await store.apply(batch(conversation('a', 'alice'), conversation('b', 'bob')));
    await store.close();
    store = await open();
    await store.scan('conversation', null, 10);
    const path = join(directory, fileNameOf('alice'));
    for (const ending of ['-wal', '-shm', '']) rmSync(path + ending, { force: true });
    expect(await store.get([{ entity: 'conversation', id: 'a' }])).toMatchObject([{ document: null, deleted: false }]);
    await store.apply(batch(conversation('a', 'alice')));
    expect(existsSync(path)).toBe(true);
  });
});

describe('removing a user (A4.7)', () => {
  test('is refused while records live', async () => {
    await store.apply(batch(conversation('a', 'alice')));
    await expect(store.removeUser('alice')).rejects.toMatchObject({ code: 'conflict' });
    expect(await store.removeUser('bob')).toBe(false);
  });

  test('takes the file with what sync did not write, and the name from the register', async () => {
    await store.apply(batch(conversation('a', 'alice-the-user')));
    tamper('alice-the-user', insertion('stray', 'alice-the-user'));
    await store.apply(batch(item('conversation', 'a', 2, null)));
    expect(await store.removeUser('alice-the-user')).toBe(true);
    expect(files()).toEqual([]);
    await store.scrub();
    for (const name of readdirSync(directory)) {
      expect(readFileSync(join(directory, name)).includes('alice-the-user')).toBe(false);
    }
    expect((await store.scan('conversation', null, 10)).records).toMatchObject([
      { id: 'a', version: 2, deleted: true },
    ]);
  });
});

test('killed between the files and the register, the same batch again mends it', async () => {
  const first = {
    items: [conversation('a', 'alice'), conversation('b', 'bob')],
    positions: [{ incarnation: 'i', partition: 0, n: 1 }],
  };
  await store.apply(first);
  const second = {
    items: [conversation('a', 'alice', 2), item('conversation', 'b', 2, null)],
    positions: [{ incarnation: 'i', partition: 0, n: 2 }],
  };
  await store.close();
  // Another connection holds the register's lock, so the batch ends after the users' files.
  store = new SqlitePersonal({ directory: directory, clock: standingClock(), busyTimeoutMs: 1 });
  const holder = new Database(join(directory, 'index.sqlite'));
  holder.exec('BEGIN IMMEDIATE');
  await expect(store.apply(second)).rejects.toMatchObject({ code: 'store_unavailable' });
  holder.exec('ROLLBACK');
  holder.close();
  expect(await store.positions()).toEqual(first.positions);
  expect((await store.apply(second)).map(({ outcome }) => outcome)).toEqual(['applied', 'applied']);
  const { records } = await store.scan('conversation', null, 10);
  expect(records.map(({ id, version, deleted }) => [id, version, deleted])).toEqual([
    ['a', 2, false],
    ['b', 2, true],
  ]);
  expect(await store.positions()).toEqual(second.positions);
});
