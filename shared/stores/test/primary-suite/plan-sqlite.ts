/** How SQLite finds what is pending. */
import { expect, test } from '@jest/globals';
import { entityNames } from '@mindora/contracts';
import Database from 'better-sqlite3';
import { pendingLinesText } from '../../src/primary/ledger-reads.ts';
import { placeholders } from '../../src/primary/sql.ts';
import { fileOf } from './on-sqlite.ts';
import { startPrimary } from './world.ts';

test('there is an index for what is pending, and it is used', async () => {
  const it = await startPrimary();
  const database = new Database(fileOf(it));
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${pendingLinesText}`).all(...placeholders(entityNames).values, 10);
  const details = (plan as { detail: string }[]).map((step) => step.detail).join();
  expect(details).toMatch(/ix__ledger_pending_since/);
  expect(details).not.toMatch(/TEMP B-TREE/);
  database.close();
  await it.end();
});
