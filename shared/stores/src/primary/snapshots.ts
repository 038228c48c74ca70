/** Read-only connections, each used by one reader at a time, each reader in a snapshot of its own. */
import type { Dialect } from './dialect.ts';
import type { Connection, Sql } from './sql.ts';

export class Snapshots {
  readonly #place: string;
  readonly #dialect: Dialect;
  /** Connections that nobody uses. */
  readonly #idle: Connection[] = [];
  /** Readers that wait for one. */
  readonly #waiting: (() => void)[] = [];
  #open = 0;
  #running = new Set<Promise<unknown>>();

  /** Opens the place at the first read: it need not be there before. */
  constructor(place: string, dialect: Dialect) {
    this.#place = place;
    this.#dialect = dialect;
  }

  /** All reads inside `task` see the same state. @throws MindoraError */
  read<T>(task: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#tracked(this.#with((connection) => inSnapshot(connection, task)));
  }

  /** For a task of a single statement, which needs no transaction around it. @throws MindoraError */
  readOne<T>(task: (sql: Sql) => Promise<T>): Promise<T> {
    return this.#tracked(this.#with(task));
  }

  /** Waits for the readers. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running);
    for (const connection of this.#idle.splice(0)) await connection.close();
  }

  #tracked<T>(done: Promise<T>): Promise<T> {
    this.#running.add(done);
    const forget = () => this.#running.delete(done);
    done.then(forget, forget);
    return done;
  }

  async #with<T>(task: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      const connection = await this.#take();
      try {
        return await task(connection);
      } finally {
        this.#give(connection);
      }
    } catch (thrown) {
      throw this.#dialect.translate(thrown);
    }
  }

  async #take(): Promise<Connection> {
    while (this.#idle.length === 0 && this.#open >= this.#dialect.readersMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    this.#open++;
    try {
      return await this.#dialect.openReader(this.#place);
    } catch (thrown) {
      this.#open--;
      this.#waiting.shift()?.();
      throw thrown;
    }
  }

  #give(connection: Connection): void {
    this.#idle.push(connection);
    this.#waiting.shift()?.();
  }
}

async function inSnapshot<T>(connection: Connection, task: (sql: Sql) => Promise<T>): Promise<T> {
  await connection.begin('snapshot');
  try {
    return await task(connection);
  } finally {
    await connection.rollback();
  }
}
