/** Connections to one database of MySQL or MariaDB: bounded in number, in waiting and in time, made when needed. */
import { MindoraError } from '@mindora/runtime';
import { isDeadlock, isLockTimeout, MysqlFailure, translate } from '../primary/mysql/errors.ts';
import { Session } from '../primary/mysql/session.ts';

export type { Session } from '../primary/mysql/session.ts';

/** Connections of one store (A3.5 allows 5 to 20; a special database is written by four workers, now and then). */
const connectionsMax = 5;
/** Calls that wait for a connection. */
const waitingMax = 1000;
const waitMs = 5000;
/** How often a transaction is tried that another one got in the way of. */
const attemptsMax = 4;

interface Waiter {
  resolve(): void;
  reject(error: MindoraError): void;
}

export class Database {
  readonly #url: string;
  readonly #name: string;
  readonly #idle: Session[] = [];
  readonly #waiters: Waiter[] = [];
  #taken = 0;
  #closed = false;

  /** @param name of the store, for messages */
  constructor(url: string, name: string) {
    this.#url = url;
    this.#name = name;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Runs work that sees what others commit meanwhile, in one commit; where others get in its way, again. */
  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#bracketed('START TRANSACTION', work);
      } catch (thrown) {
        const inTheWay = isDeadlock(thrown) || isLockTimeout(thrown);
        if (!inTheWay || attempt === attemptsMax) throw this.#told(thrown);
      }
    }
  }

  /** Runs reads that all see one state. */
  async snapshot<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const begin = 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT';
    try {
      return await this.#bracketed(begin, work);
    } catch (thrown) {
      throw this.#told(thrown);
    }
  }

  /** Runs statements each for itself, as changes of tables have to be. */
  async session<T>(work: (session: Session) => Promise<T>): Promise<T> {
    try {
      return await this.#with(work);
    } catch (thrown) {
      throw this.#told(thrown);
    }
  }

  /** Idempotent; calls in hand end with an error. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const session of this.#idle.splice(0)) session.close();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#away('it is closed'));
  }

  #bracketed<T>(begin: string, work: (session: Session) => Promise<T>): Promise<T> {
    return this.#with(async (session) => {
      await session.bracket(begin, true);
      try {
        const result = await work(session);
        await session.bracket('COMMIT', false);
        return result;
      } catch (thrown) {
        if (session.isAlive()) await session.bracket('ROLLBACK', false);
        throw thrown;
      }
    });
  }

  async #with<T>(work: (session: Session) => Promise<T>): Promise<T> {
    await this.#turn();
    let session: Session | null = null;
    try {
      session = this.#idleSession() ?? (await Session.open(this.#url, 'READ COMMITTED'));
      return await work(session);
    } finally {
      this.#giveBack(session);
    }
  }

  #idleSession(): Session | null {
    for (let session = this.#idle.pop(); session !== undefined; session = this.#idle.pop()) {
      if (session.isAlive()) return session;
    }
    return null;
  }

  #giveBack(session: Session | null): void {
    this.#taken--;
    if (this.#closed) session?.close();
    else if (session?.isAlive() === true) this.#idle.push(session);
    this.#waiters.shift()?.resolve();
  }

  async #turn(): Promise<void> {
    if (this.#closed) throw this.#away('it is closed');
    if (this.#taken >= connectionsMax) await this.#wait();
    this.#taken++;
  }

  #wait(): Promise<void> {
    if (this.#waiters.length >= waitingMax) return Promise.reject(new MindoraError('overloaded'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(this.#away('no connection is free'));
      }, waitMs);
      const waiter: Waiter = {
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiters.push(waiter);
    });
  }

  /** The server's errors as this store's; its refusals of content pass, for whoever looks for the record. */
  #told(thrown: unknown): unknown {
    if (!(thrown instanceof MysqlFailure) || refusalOf(thrown) !== null) return thrown;
    const { code, message } = translate(thrown);
    if (code !== 'store_unavailable') return new MindoraError('internal', message, { cause: thrown });
    return new MindoraError('store_unavailable', message.replace('the primary', this.#name), { cause: thrown });
  }

  #away(why: string): MindoraError {
    return new MindoraError('store_unavailable', `${this.#name} is not available: ${why}`);
  }
}

/** Why the server refuses content; null where the error says something else. */
export function refusalOf(thrown: unknown): string | null {
  if (!(thrown instanceof MysqlFailure)) return null;
  const { code } = translate(thrown);
  return code === 'invalid_request' || code === 'conflict' ? `the engine refuses it (${thrown.code})` : null;
}
