import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { entityNames } from '@mindora/contracts';
import { TableColumn } from 'typeorm';
import { engineOf } from '../../src/primary/dialects.ts';
import { missingMigration } from '../../src/primary/generate.ts';
import { openSchema } from '../../src/primary/schema.ts';
import { triggersOf } from '../../src/primary/triggers.ts';
import { clearAll, conversation, ledgerOf, startPrimary, type TestPrimary, user, world } from './world.ts';

const { dialect } = world();
const nothing = dialect.isServer ? 'SET @nothing = 1' : 'SELECT 1';

test('the migrations lead to the definitions', async () => {
  const { location, remove } = await world().newPlace();
  expect(await missingMigration(engineOf(location))).toEqual({ up: [], down: [] });
  await remove();
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

  const triggerTexts = async () => {
    const connection = await dialect.openReader(engineOf(it.location).place);
    const texts = await dialect.triggers(connection);
    await connection.close();
    return texts;
  };

  test('with all triggers there marks nothing', async () => {
    await it.primary.migrate();
    expect(await it.primary.ledger.statistics()).toMatchObject({ pending: 0 });
    const made = entityNames.flatMap((name) => triggersOf(name, dialect).map((trigger) => trigger.name));
    expect([...(await triggerTexts()).keys()].sort()).toEqual(made.sort());
  });

  test('makes a missing trigger again and marks what may have been missed, deleted records too', async () => {
    const texts = await triggerTexts();
    await it.raw.exec('DROP TRIGGER _ledger_user_after_insert');
    await it.raw.exec("INSERT INTO users (user_id, username, email) VALUES ('hidden', 'h', 'h@x')");
    await it.primary.migrate();
    expect(await triggerTexts()).toEqual(texts);
    const lines = await ledgerOf(it.raw, 'user');
    expect(lines.get('hidden')).toEqual({ version: 1, pending: true });
    expect(lines.get('a')).toEqual({ version: 2, pending: true });
    expect(lines.get('b')).toEqual({ version: 3, pending: true });
    expect((await ledgerOf(it.raw, 'conversation')).get('c1')).toEqual({ version: 1, pending: false });
  });

  test('replaces a different trigger, and drops one that no definition asks for', async () => {
    const texts = await triggerTexts();
    await it.raw.exec('DROP TRIGGER _ledger_user_after_update');
    await it.raw.exec(
      `CREATE TRIGGER _ledger_user_after_update AFTER UPDATE ON users FOR EACH ROW BEGIN ${nothing}; END`,
    );
    await it.raw.exec(`CREATE TRIGGER _ledger_old AFTER UPDATE ON users FOR EACH ROW BEGIN ${nothing}; END`);
    await it.primary.migrate();
    expect(await triggerTexts()).toEqual(texts);
    expect((await ledgerOf(it.raw, 'user')).get('a')).toEqual({ version: 2, pending: true });
  });

  test('after the schema builder rebuilt tables, the ledger too, loses nothing', async () => {
    const texts = await triggerTexts();
    const source = await openSchema(engineOf(it.location).place, dialect);
    const runner = source.createQueryRunner();
    for (const table of ['users', '_ledger']) {
      await runner.addColumn(table, new TableColumn({ name: 'extra', type: 'integer', isNullable: true }));
    }
    await source.destroy();
    if (!dialect.isServer) expect((await triggerTexts()).size).toBeLessThan(texts.size);
    await it.raw.exec("UPDATE users SET username = 'unseen' WHERE user_id = 'a'");
    await it.primary.migrate();
    expect(await triggerTexts()).toEqual(texts);
    expect((await ledgerOf(it.raw, 'user')).get('a')).toEqual({ version: 2, pending: true });
    await it.primary.records.write([{ op: 'update', entity: 'user', id: 'a', set: { username: 'seen' } }]);
    expect((await ledgerOf(it.raw, 'user')).get('a')).toEqual({ version: 3, pending: true });
  });
});
