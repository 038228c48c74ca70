import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { entityNames } from '@mindora/contracts';
import { TableColumn } from 'typeorm';
import { missingMigration } from '../src/primary/generate.ts';
import { pendingLinesText } from '../src/primary/ledger-reads.ts';
import { openSchema } from '../src/primary/schema.ts';
import { placeholders } from '../src/primary/sql.ts';
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

  test('after the schema builder rebuilt tables, the ledger too, loses nothing', async () => {
    const texts = triggerTexts();
    const source = await openSchema(it.file, sqlite);
    const runner = source.createQueryRunner();
    for (const table of ['users', '_ledger']) {
      await runner.addColumn(table, new TableColumn({ name: 'extra', type: 'integer', isNullable: true }));
    }
    await source.destroy();
    expect(triggerTexts().length).toBeLessThan(texts.length);
    it.raw.exec("UPDATE users SET username = 'unseen' WHERE user_id = 'a'");
    await it.primary.migrate();
    expect(triggerTexts()).toEqual(texts);
    expect(ledgerOf(it.raw, 'user').get('a')).toEqual({ version: 2, pending: true });
    await it.primary.records.write([{ op: 'update', entity: 'user', id: 'a', set: { username: 'seen' } }]);
    expect(ledgerOf(it.raw, 'user').get('a')).toEqual({ version: 3, pending: true });
  });

  test('leaves an index for what is pending, and it is used', () => {
    const plan = it.raw
      .prepare(`EXPLAIN QUERY PLAN ${pendingLinesText}`)
      .all(...placeholders(entityNames).values, 10) as {
      detail: string;
    }[];
    expect(plan.map((step) => step.detail).join()).toMatch(/ix__ledger_pending_since/);
    expect(plan.map((step) => step.detail).join()).not.toMatch(/TEMP B-TREE/);
  });
});
