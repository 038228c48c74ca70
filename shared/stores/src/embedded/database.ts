import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { toStoreError } from './errors.ts';

/** A connection to one SQLite file. */
export type Connection = Database.Database;

export interface DatabaseOptions {
  /** How long a call waits for another connection's lock. */
  readonly busyTimeoutMs?: number;
  /** Called before the first statement, e.g. to load an extension. */
  readonly prepare?: (connection: Connection) => void;
  /**
   * `FULL` (the default) keeps a commit through a power failure; `NORMAL` keeps the file whole, but may lose the last
   * commits then: for stores whose position is in the same file, which tells sync what was lost (decision 012).
   */
  readonly synchronous?: 'FULL' | 'NORMAL';
}

const synchronousLevels = { NORMAL: 1, FULL: 2 } as const;

/** What keeps commits, and deleted content out of the file. */
function settingsOf({ synchronous = 'FULL' }: DatabaseOptions) {
  return [
    ['journal_mode', 'WAL', 'wal'],
    ['synchronous', synchronous, synchronousLevels[synchronous]],
    ['secure_delete', 'ON', 1],
  ] as const;
}

/**
 * Opens a SQLite file, made with its directory where it is missing, readable by its owner only.
 *
 * @throws MindoraError `store_unavailable` where it can't be opened or refuses a durability setting
 */
export function openDatabase(file: string, options: DatabaseOptions = {}): Connection {
  let connection: Connection | null = null;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    connection = new Database(file, { timeout: options.busyTimeoutMs ?? 5000 });
    chmodSync(file, 0o600);
    for (const [name, value, expected] of settingsOf(options)) {
      connection.pragma(`${name} = ${value}`);
      const actual = connection.pragma(name, { simple: true });
      if (actual !== expected) throw new Error(`SQLite setting ${name} is ${String(actual)}, not ${value}`);
    }
    options.prepare?.(connection);
    return connection;
  } catch (error) {
    connection?.close();
    throw toStoreError(error, 'the database file');
  }
}

/** The library's version, for people. */
export function sqliteVersion(connection: Connection): string {
  return String(connection.prepare('SELECT sqlite_version()').pluck().get());
}

/** Prepared statements of a connection, made once each. */
export class Statements {
  readonly connection: Connection;
  readonly #made = new Map<string, Database.Statement>();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** The statement of a text; texts are fixed or made from definitions, so there are few. */
  get(sql: string): Database.Statement {
    let statement = this.#made.get(sql);
    if (statement === undefined) {
      statement = this.connection.prepare(sql);
      this.#made.set(sql, statement);
    }
    return statement;
  }
}

/** Quotes an identifier that comes from a definition. */
export function quoted(identifier: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(identifier)) throw new RangeError('not an identifier');
  return `"${identifier}"`;
}

/**
 * Rewrites the file so that no byte of deleted content stays in it or in its log.
 *
 * @throws MindoraError `store_unavailable` where another connection holds the log
 */
export function scrubDatabase(connection: Connection): void {
  truncateLog(connection);
  connection.exec('VACUUM');
  truncateLog(connection);
}

function truncateLog(connection: Connection): void {
  const [result] = connection.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
  if (result?.busy !== 0) throw Object.assign(new Error('the log is in use'), { code: 'SQLITE_BUSY' });
}
