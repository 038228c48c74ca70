/** The tables of a server's primary, brought to where a copy's were. */
import { MindoraError } from '@mindora/runtime';
import { openPrimary, type PrimaryLocation } from '@mindora/stores';
import { migrations } from '@mindora/stores/primary/migrations/mysql/index';
import { mysql } from '@mindora/stores/primary/mysql';
import { quote } from '@mindora/stores/primary/sql';
import type { ServerSession } from './session.ts';
import { migrationsTable, shapesOf, type TableShape } from './tables.ts';

export type ServerLocation = Extract<PrimaryLocation, { kind: 'mysql' }>;

interface Runner {
  query(text: string): Promise<unknown>;
}

/** As the primary's migrations are; tests bring others. */
export interface ServerMigration {
  readonly name: string;
  down(runner: Runner): Promise<void>;
}

/** Those of this Mindora, oldest first. */
export const serverMigrations: readonly ServerMigration[] = migrations.map((Migration) => {
  const migration = new Migration();
  const down = (runner: Runner): Promise<void> => migration.down(runner as Parameters<typeof migration.down>[0]);
  return { name: migration.name, down };
});

/** Names of the migrations that have run, oldest first; null where the database holds no primary. */
export async function migrationsOnServer(session: ServerSession): Promise<string[] | null> {
  const shapes = await shapesOf(session);
  if (!shapes.has(migrationsTable) || !shapes.has('_ledger')) return null;
  const rows = await session.all(`SELECT "name" FROM ${quote(migrationsTable)} ORDER BY "id"`);
  return rows.map(({ name }) => String(name));
}

/** Makes all tables and triggers as this Mindora has them. A kill leaves what the next start goes on with. */
export async function makeTables(location: ServerLocation): Promise<void> {
  const primary = await openPrimary(location);
  try {
    await primary.migrate();
  } finally {
    await primary.close();
  }
}

/**
 * Takes migrations back, newest first. May be run again after it was broken off. The triggers go, they are made for the
 * newer tables: the Mindora that the tables are for makes its own when it starts, and sends every record again.
 */
export async function takeBack(
  session: ServerSession,
  names: readonly string[],
  known: readonly ServerMigration[],
): Promise<void> {
  if (names.length === 0) return;
  for (const name of (await mysql().triggers(session)).keys()) {
    if (name.startsWith('_ledger_')) await session.run(`DROP TRIGGER ${quote(name)}`);
  }
  for (const migration of known.filter(({ name }) => names.includes(name)).toReversed()) {
    await migration.down({ query: (text) => session.runLong(text) });
    await session.run(`DELETE FROM ${quote(migrationsTable)} WHERE "name" = ?`, [migration.name]);
  }
}

/**
 * Migrations that a copy lacks are taken back, which drops tables, which the account may not: said before anything is.
 *
 * @throws MindoraError `conflict`
 */
export async function assertMayDrop(session: ServerSession): Promise<void> {
  // Each of these shows an account what it was granted itself.
  const held = await session.all(
    `SELECT 1 FROM information_schema.USER_PRIVILEGES WHERE PRIVILEGE_TYPE = 'DROP'
     UNION SELECT 1 FROM information_schema.SCHEMA_PRIVILEGES
       WHERE PRIVILEGE_TYPE = 'DROP' AND DATABASE() LIKE TABLE_SCHEMA LIMIT 1`,
  );
  if (held.length > 0) return;
  const advice = 'grant it for as long as this takes, and revoke it then';
  throw new MindoraError('conflict', `the account of the primary has no right to DROP tables: ${advice}`);
}

/** @throws MindoraError `conflict` where a copy has what the tables have no place for */
export function assertRoomFor(copied: readonly TableShape[], present: ReadonlyMap<string, TableShape>): void {
  const missing = copied.flatMap(({ name, columns }) => {
    const there = new Set(present.get(name)?.columns.map((column) => column.name));
    return columns.filter((column) => !there.has(column.name)).map((column) => `${name}.${column.name}`);
  });
  if (missing.length === 0) return;
  throw new MindoraError('conflict', `the tables of the server have no place for ${missing.slice(0, 5).join(', ')}`);
}
