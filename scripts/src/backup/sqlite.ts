/** Copies of a primary that is a file of SQLite. */
import { chmodSync } from 'node:fs';
import { type EntityName, entity, entityNames } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import Database from 'better-sqlite3';
import { LedgerRoot } from './digest.ts';
import { flush } from './durable.ts';
import type { PrimaryFacts } from './record.ts';

const busyTimeoutMs = 5000;

/**
 * VACUUM INTO reads in one transaction, so the copy is the state of one commit, however many follow meanwhile; the
 * online backup of SQLite would begin anew with each. Pages that hold only what was deleted are left out.
 */
export function copySqlite(source: string, target: string): void {
  const database = open(source);
  try {
    database.prepare('VACUUM INTO ?').run(target);
  } finally {
    database.close();
  }
  chmodSync(target, 0o600);
  flush(target);
}

/** Reads a copy through. @throws MindoraError `conflict` where it is damaged */
export function inspectSqlite(file: string): PrimaryFacts {
  const database = open(file);
  try {
    return factsOf(database, file);
  } catch (cause) {
    if (cause instanceof MindoraError) throw cause;
    throw new MindoraError('conflict', `${file} is damaged`, { cause });
  } finally {
    database.close();
  }
}

/** Names of the migrations that have run in a file; null where it is no primary yet. */
export function migrationsIn(file: string): string[] | null {
  const database = open(file);
  try {
    return tablesOf(database).has('_migrations') ? namesOf(database) : null;
  } finally {
    database.close();
  }
}

function open(file: string): Database.Database {
  return new Database(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs });
}

function factsOf(database: Database.Database, file: string): PrimaryFacts {
  const answer = database.pragma('quick_check(1)', { simple: true });
  if (answer !== 'ok') throw new MindoraError('conflict', `${file} is damaged: ${String(answer)}`);
  const tables = tablesOf(database);
  const known = entityNames.filter((name) => tables.has(entity(name).table));
  const totals = database.prepare('SELECT COUNT(*), COALESCE(SUM(version), 0) FROM _ledger').raw().get();
  const [records, changes] = totals as [number, number];
  return {
    migrations: namesOf(database),
    position: { records, changes },
    records: Object.fromEntries(known.map((name) => [name, countOf(database, name)])),
    root: rootOf(database, known),
  };
}

function tablesOf(database: Database.Database): Set<unknown> {
  return new Set(database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all());
}

function namesOf(database: Database.Database): string[] {
  return database.prepare('SELECT name FROM _migrations ORDER BY id').pluck().all() as string[];
}

/** Tables and keys are those of the definitions. */
function countOf(database: Database.Database, name: EntityName): number {
  return database
    .prepare(`SELECT COUNT(*) FROM "${entity(name).table}"`)
    .pluck()
    .get() as number;
}

function rootOf(database: Database.Database, names: readonly EntityName[]): string {
  const root = new LedgerRoot();
  for (const name of names) {
    const { table, key } = entity(name);
    const present = `EXISTS (SELECT 1 FROM "${table}" AS t WHERE t."${key}" = l.id)`;
    const lines = database.prepare(`SELECT id, version, ${present} FROM _ledger AS l WHERE entity = ? ORDER BY id`);
    for (const line of lines.raw().iterate(name)) {
      const [id, version, isPresent] = line as [string, number, number];
      root.add(name, id, version, isPresent === 1);
    }
  }
  return root.digest();
}
