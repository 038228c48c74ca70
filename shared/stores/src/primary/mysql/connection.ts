/** A connection that opens itself when it is first used, and anew after it was lost. */
import type { Cell, Cells, Connection } from '../sql.ts';
import { MysqlFailure } from './errors.ts';
import { type Isolation, Session } from './session.ts';

export interface MysqlConnectionOptions {
  readonly place: string;
  readonly isolation: Isolation;
  /** Statements that a transaction begins with, constant text. */
  readonly begin: string;
  /** Told with each new session. */
  readonly onOpen: (session: Session) => void;
}

export class MysqlConnection implements Connection {
  readonly #options: MysqlConnectionOptions;
  #session: Session | null = null;
  #opening: Promise<Session> | null = null;
  /** A transaction was begun and neither ended here nor by the server. */
  #begun = false;
  #closed = false;

  constructor(options: MysqlConnectionOptions) {
    this.#options = options;
  }

  async all(text: string, values: readonly Cell[] = []): Promise<Cells[]> {
    return (await this.#usable()).all(text, values);
  }

  async run(text: string, values: readonly Cell[] = []): Promise<number> {
    return (await this.#usable()).run(text, values);
  }

  async begin(_kind: 'write' | 'snapshot'): Promise<void> {
    this.#begun = false;
    const session = await this.#usable();
    await session.bracket(this.#options.begin, true);
    this.#begun = true;
  }

  async commit(): Promise<void> {
    const session = await this.#usable();
    await session.bracket('COMMIT', false);
    this.#begun = false;
  }

  async rollback(): Promise<void> {
    this.#begun = false;
    if (this.#session?.inTransaction() === true) await this.#session.bracket('ROLLBACK', false);
  }

  inTransaction(): boolean {
    return this.#begun && this.#session?.inTransaction() === true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#session?.close();
    this.#session = null;
  }

  /**
   * Inside a transaction a lost connection stays lost, and a transaction that the server ended stays ended: on a new
   * one, what went before would be missing.
   */
  async #usable(): Promise<Session> {
    if (this.#closed) throw new MysqlFailure(null, 'closed');
    const session = this.#session;
    if (this.#begun && session?.inTransaction() !== true) throw new MysqlFailure(null, 'PROTOCOL_CONNECTION_LOST');
    if (session?.isAlive() === true) return session;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #open(): Promise<Session> {
    const { place, isolation, onOpen } = this.#options;
    const session = await Session.open(place, isolation);
    if (this.#closed) {
      session.close();
      throw new MysqlFailure(null, 'closed');
    }
    this.#session = session;
    onOpen(session);
    return session;
  }
}
