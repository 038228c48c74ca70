/** A read-only connection that is used by one reader at a time, each in a snapshot of its own. */
import type { Dialect } from './dialect.ts';
import type { Connection, Sql } from './sql.ts';

export class Snapshots {
  readonly #file: string;
  readonly #dialect: Dialect;
  #connection: Promise<Connection> | null = null;
  #last: Promise<unknown> = Promise.resolve();

  /** Opens the file at the first read: it need not be there before. */
  constructor(file: string, dialect: Dialect) {
    this.#file = file;
    this.#dialect = dialect;
  }

  /** All reads inside `task` see the same state. @throws MindoraError */
  read<T>(task: (sql: Sql) => Promise<T>): Promise<T> {
    const done = this.#last.then(() => this.#inSnapshot(task));
    // The next reader waits for this one, whatever became of it.
    this.#last = done.catch(() => undefined);
    return done;
  }

  async close(): Promise<void> {
    await this.#last;
    const connection = this.#connection;
    this.#connection = null;
    if (connection !== null) await (await connection).close();
  }

  async #inSnapshot<T>(task: (sql: Sql) => Promise<T>): Promise<T> {
    try {
      this.#connection ??= this.#dialect.openReader(this.#file);
      const connection = await this.#connection.catch((error: unknown) => {
        this.#connection = null;
        throw error;
      });
      await connection.begin('snapshot');
      try {
        return await task(connection);
      } finally {
        await connection.rollback();
      }
    } catch (thrown) {
      throw this.#dialect.translate(thrown);
    }
  }
}
