import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';

/** Raised when the tables below change; a log of another format is given up like a damaged one (rule 1). */
const format = 1;

const tables = `
  CREATE TABLE log (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    incarnation TEXT NOT NULL,
    partitions INTEGER NOT NULL,
    batches INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  );
  -- The numbers outlive the batches, so that n goes on counting after everything was truncated.
  CREATE TABLE head (partition INTEGER PRIMARY KEY, n INTEGER NOT NULL);
  CREATE TABLE batch (
    seq INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL,
    n INTEGER NOT NULL,
    published_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    changes TEXT NOT NULL,
    UNIQUE (partition, n)
  );
  CREATE TABLE cursor (
    consumer TEXT NOT NULL,
    partition INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL,
    delivering INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    PRIMARY KEY (consumer, partition)
  ) WITHOUT ROWID;
`;

/** A log that can't be read: whoever opened it moves it aside and begins a new one. */
export class DamagedLogError extends Error {
  constructor(what: string, cause?: unknown) {
    super(what, { cause });
    this.name = 'DamagedLogError';
  }
}

/** Whether an error says that the file itself is at fault, not the moment. */
export function isDamage(error: unknown): boolean {
  if (error instanceof DamagedLogError) return true;
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^SQLITE_(CORRUPT|NOTADB)/.test(code);
}

/**
 * `appender` commits with an fsync: a published batch must survive a power failure, for capture clears its marks then.
 * `cursors` commits without one: it survives the end of the process, and what a power failure takes back are
 * acknowledgements, which only means that batches are delivered again (and applying is idempotent, rule 10). Both
 * write to one write-ahead log, so a deletion can never outlive the acknowledgement that allowed it.
 */
export interface Connections {
  readonly appender: Database.Database;
  readonly cursors: Database.Database;
}

/** Opens the file with its tables, made where it is new. @throws DamagedLogError, SqliteError */
export function connect(file: string): Connections {
  createPrivately(file);
  const appender = open(file, 'FULL');
  try {
    if (appender.pragma('user_version', { simple: true }) !== format) create(appender);
    return { appender, cursors: open(file, 'NORMAL') };
  } catch (error) {
    appender.close();
    throw error;
  }
}

/** The log holds the content of records: nobody but the account of the version reads it. */
function createPrivately(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}

function open(file: string, synchronous: 'FULL' | 'NORMAL'): Database.Database {
  const database = new Database(file);
  try {
    // Batches are large: with SQLite's 4 KB pages each would be a chain of a hundred.
    database.pragma('page_size = 16384');
    database.pragma('journal_mode = WAL');
    database.pragma(`synchronous = ${synchronous}`);
    database.pragma('busy_timeout = 5000');
    database.pragma('wal_autocheckpoint = 512');
    database.pragma('journal_size_limit = 33554432');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function create(database: Database.Database): void {
  const objects = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
  if (objects !== 0) throw new DamagedLogError('not a log of this format');
  database
    .transaction(() => {
      database.exec(tables);
      database.pragma(`user_version = ${format}`);
    })
    .immediate();
}
