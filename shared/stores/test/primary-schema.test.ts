import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { entityNames } from '@mindora/contracts';
import { missingMigration } from '../src/primary/generate.ts';
import { sqlite } from '../src/primary/sqlite.ts';
import { triggersOf } from '../src/primary/triggers.ts';
import { clearAll, conversation, ledgerOf, startPrimary, type TestPrimary, user } from './support/primary.ts';

test('the migrations lead to the definitions', async () => {
  expect(await missingMigration()).toEqual({ up: [], down: [] });
});

describe('a start', () => {
  let it: TestPrimary;
  beforeEach(async () => {
    it = await startPrimary();
    await it.primary.records.write([user('a'), user('b'), conversation('c1')]);
    await it.primary.records.write([{ op: 'delete', entity: 'user', id: 'b' }]);
    await clearAll(it);
  });
  afterEach(() => it.end());

  const triggerTexts = () =>
    it.raw.prepare("SELECT sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name").pluck().all();

  test('with all triggers there marks nothing', async () => {
    await it.primary.migrate();
    expect(await it.primary.ledger.statistics()).toMatchObject({ pending: 0 });
    const made = entityNames.flatMap((name) => triggersOf(name, sqlite).map((trigger) => trigger.name));
    expect(triggerTexts()).toHaveLength(made.length);
  });

  test('makes a missing trigger again and marks what may have been missed, deleted records too', async () => {
    const texts = triggerTexts();
    it.raw.exec('DROP TRIGGER _ledger_user_after_insert');
    it.raw.exec("INSERT INTO users (user_id, username, email) VALUES ('hidden', 'h', 'h@x')");
    await it.primary.migrate();
    expect(triggerTexts()).toEqual(texts);
    const lines = ledgerOf(it.raw, 'user');
    expect(lines.get('hidden')).toEqual({ version: 1, pending: true });
    expect(lines.get('a')).toEqual({ version: 2, pending: true });
    expect(lines.get('b')).toEqual({ version: 3, pending: true });
    expect(ledgerOf(it.raw, 'conversation').get('c1')).toEqual({ version: 1, pending: false });
  });

  test('replaces a different trigger, and drops one that no definition asks for', async () => {
    const texts = triggerTexts();
    it.raw.exec('DROP TRIGGER _ledger_user_after_update');
    it.raw.exec('CREATE TRIGGER _ledger_user_after_update AFTER UPDATE ON users BEGIN SELECT 1; END');
    it.raw.exec('CREATE TRIGGER _ledger_old AFTER UPDATE ON users BEGIN SELECT 1; END');
    await it.primary.migrate();
    expect(triggerTexts()).toEqual(texts);
    expect(ledgerOf(it.raw, 'user').get('a')).toEqual({ version: 2, pending: true });
  });

  test('after a table was rebuilt loses nothing', async () => {
    it.raw.exec(`
      CREATE TABLE copy AS SELECT * FROM users;
      UPDATE copy SET username = 'changed' WHERE user_id = 'a';
      DELETE FROM users;
      PRAGMA writable_schema = OFF;
    `);
    const create = it.raw.prepare("SELECT sql FROM sqlite_master WHERE name = 'users'").pluck().get() as string;
    it.raw.exec(`DROP TABLE users; ${create}; INSERT INTO users SELECT * FROM copy; DROP TABLE copy`);
    await clearAll(it);
    await it.primary.migrate();
    expect(ledgerOf(it.raw, 'user').get('a')?.pending).toBe(true);
    expect(await it.primary.records.get({ entity: 'user', id: 'a' })).toMatchObject({ username: 'changed' });
  });
});
