/** Random statements by another program against a model: whatever changed has a higher version and is pending. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mysqlStatement } from './random-mysql.ts';
import { sqliteStatement } from './random-sqlite.ts';
import { startPrimary, type TestPrimary, world } from './world.ts';

const { isServer } = world().dialect;
const statement = isServer ? mysqlStatement : sqliteStatement;

let it: TestPrimary;
beforeAll(async () => {
  it = await startPrimary();
  if (!isServer) await it.raw.exec('PRAGMA synchronous = OFF');
});
afterAll(() => it.end());

const tables = [
  ['user', 'users', 'user_id'],
  ['conversation', 'ai_conversations', 'id'],
  ['role_permission', 'role_permissions', 'id'],
] as const;

interface State {
  readonly rows: Map<string, string>;
  readonly versions: Map<string, number>;
  readonly pending: Set<string>;
}

async function state(): Promise<State> {
  const rows = new Map<string, string>();
  for (const [entity, table, column] of tables) {
    for (const row of await it.raw.all(`SELECT * FROM ${table}`)) {
      rows.set(`${entity}/${row[column]}`, JSON.stringify(row));
    }
  }
  const lines = await it.raw.all('SELECT * FROM _ledger');
  const name = (line: Record<string, unknown>) => `${line.entity}/${line.id}`;
  return {
    rows,
    versions: new Map(lines.map((line) => [name(line), Number(line.version)])),
    pending: new Set(lines.filter((line) => line.pending_since !== null).map(name)),
  };
}

/** What constraints refuse many of these statements with: a duplicate, an owner. */
const refusals = /^SQLITE_CONSTRAINT|^ER_DUP_ENTRY|^ER_SIGNAL_EXCEPTION|^ER_DUP_KEY/;

async function attempt(sql: string): Promise<void> {
  try {
    await it.raw.exec(sql);
  } catch (error) {
    // Anything else is a fault.
    if (!refusals.test(String((error as { code?: string }).code))) throw error;
  }
}

/** The records that a statement changed without raising their version or marking them. */
function missed(before: State, after: State): string[] {
  const keys = new Set([...before.rows.keys(), ...after.rows.keys()]);
  const changed = [...keys].filter((name) => before.rows.get(name) !== after.rows.get(name));
  const holes = changed.filter(
    (name) => (after.versions.get(name) ?? 0) <= (before.versions.get(name) ?? 0) || !after.pending.has(name),
  );
  const fallen = [...before.versions].filter(([name, version]) => (after.versions.get(name) ?? 0) < version);
  const unlisted = [...after.rows.keys()].filter((name) => !after.versions.has(name));
  return [...holes, ...fallen.map(([name]) => `fell: ${name}`), ...unlisted.map((name) => `unlisted: ${name}`)];
}

test('no statement changes a record unnoticed', async () => {
  const seed = Date.now() & 0x7fffffff;
  const property = fc.asyncProperty(fc.array(statement, { minLength: 5, maxLength: 25 }), async (statements) => {
    await it.raw.exec(`BEGIN; ${tables.map(([, table]) => `DELETE FROM ${table}`).join('; ')}; COMMIT`);
    for (const sql of statements) {
      await it.raw.exec('UPDATE _ledger SET pending_since = NULL');
      const before = await state();
      await attempt(sql);
      const holes = missed(before, await state());
      if (holes.length > 0) throw new Error(`${sql} missed ${holes.join(', ')}`);
    }
  });
  // The seed is part of the failure's message: fast-check prints it with the path to the counterexample.
  await fc.assert(property, { seed, numRuns: isServer ? 100 : 600 });
  expect((await state()).versions.size).toBeGreaterThan(0);
});
