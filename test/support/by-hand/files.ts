/** A version's files, worked on by hand: all of them where its engines are embedded, the personal ones everywhere. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Role } from '@mindora/contracts';
import Database from 'better-sqlite3';
import type { SqlShell } from './port.ts';

/** A version's files, each opened only as long as it is worked on. */
export class Files {
  readonly directory: string;

  constructor(data: string) {
    this.directory = join(data, 'future');
  }

  primary<T>(work: (database: Database.Database) => T): T {
    return withDatabase(join(this.directory, 'primary.sqlite'), work);
  }

  store<T>(role: Role, work: (database: Database.Database) => T): T {
    return withDatabase(this.path(role), work);
  }

  get primaryShell(): SqlShell {
    return shellOf((work) => this.primary(work));
  }

  shell(role: Role): SqlShell {
    return shellOf((work) => this.store(role, work));
  }

  /** The private file of a user. */
  personal<T>(user: string, work: (database: Database.Database) => T): T {
    return withDatabase(this.personalPath(user), work);
  }

  /** The file of a store; of the personal store its register. */
  path(role: Role): string {
    return join(this.directory, role === 'personal' ? 'personal/index.sqlite' : `stores/${role}.sqlite`);
  }

  personalPath(user: string): string {
    return join(this.directory, 'personal', `${createHash('sha256').update(user).digest('hex').slice(0, 32)}.sqlite`);
  }
}

function withDatabase<T>(file: string, work: (database: Database.Database) => T): T {
  const database = new Database(file, { fileMustExist: true, timeout: 10_000 });
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** Runs a statement that must change exactly one row. */
export function one(
  database: Database.Database,
  sql: string,
  ...values: (string | number | null | Buffer | Record<string, string>)[]
): void {
  const { changes } = database.prepare(sql).run(...values);
  if (changes !== 1) throw new Error(`${changes} rows changed by: ${sql}`);
}

export type Harm = (database: Database.Database) => void;

/** The shell of a file, which is opened for each statement. */
function shellOf(within: <T>(work: (database: Database.Database) => T) => T): SqlShell {
  return {
    run: async (sql, ...values) => within((db) => void db.prepare(sql).run(...values)),
    one: async (sql, ...values) => within((db) => one(db, sql, ...values)),
    values: async (sql, ...values) =>
      within((db) =>
        db
          .prepare(sql)
          .pluck()
          .all(...values),
      ),
    columns: async (table) =>
      within((db) => db.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(table)) as string[],
  };
}
