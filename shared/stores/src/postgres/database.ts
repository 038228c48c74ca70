/** Connections to one PostgreSQL database: bounded in number, in waiting and in time, made when they are needed. */
import { MindoraError } from '@mindora/runtime';
import pg from 'pg';
import { closedError, EngineError, isConflict, sqlstateOf, toEngineError, toStoreError } from './errors.ts';

const connectTimeoutMs = 3000;
/** The server ends a statement after this time; the client gives up a little later, where the server is silent. */
const statementTimeoutMs = 10_000;
const answerTimeoutMs = 12_000;
const lockTimeoutMs = 8000;
const idleInTransactionMs = 60_000;
const idleConnectionMs = 30_000;
/** Connections of one store (A3.5). */
const connectionsMin = 5;
const connectionsMax = 20;
/** Calls that wait for a connection; each waits as long as connecting may take. */
const waitingMax = 1000;
/** How often a transaction is tried that another one got in the way of. */
const attemptsMax = 4;
/** Making an index over a large table, or rewriting one. */
export const longStatementMs = 3_600_000;

/** The database from which another one is made. */
const maintenanceDatabase = 'postgres';

/** One connection, inside a transaction or not. */
export interface Session {
  /** Rows of one statement, with its values bound. Without values, several statements may stand in one text. */
  query<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

export interface TransactionOptions {
  /** Says how it begins, with settings for it alone: `BEGIN READ ONLY; SET LOCAL ...`. */
  readonly begin?: string;
  /** Each of its statements may take this long. */
  readonly statementMs?: number;
}

export class Database {
  readonly #pool: pg.Pool;
  readonly #url: string;
  readonly #name: string;
  #closing: Promise<void> | null = null;

  /** Connects to nothing yet. `name` is what errors call the store. */
  constructor(url: string, name: string) {
    this.#url = url;
    this.#name = name;
    this.#pool = new pg.Pool({ ...connectionOptions(url), min: connectionsMin, max: connectionsMax, ...poolOptions });
    // An idle connection that breaks is dropped by the pool, one in use fails its statement; without listeners
    // either would end the process.
    this.#pool.on('error', noteNothing);
    this.#pool.on('connect', (client) => client.on('error', noteNothing));
  }

  /** Rows of one statement. */
  query<R extends object>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    return this.session((session) => session.query<R>(text, values));
  }

  /** Runs work in one commit; again from its start, where another transaction got in its way. */
  async transaction<T>(work: (session: Session) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.session((session) => commit(session, work, options), options.statementMs);
      } catch (error) {
        if (attempt === attemptsMax || !isConflict(error)) throw error;
      }
    }
  }

  /**
   * Runs work on one connection.
   *
   * @throws MindoraError `store_unavailable`, caused by an {@link EngineError}, where the engine failed
   */
  async session<T>(work: (session: Session) => Promise<T>, statementMs = 0): Promise<T> {
    const client = await this.#connect();
    let isLost = false;
    try {
      return await work(sessionOf(client, statementMs));
    } catch (error) {
      isLost = error instanceof EngineError && error.isLost;
      throw toStoreError(error, this.#name);
    } finally {
      client.release(isLost);
    }
  }

  /** Makes the database itself where it is missing and the user may. */
  async ensure(): Promise<void> {
    try {
      await this.query('SELECT 1');
    } catch (error) {
      if (sqlstateOf(error) !== '3D000') throw error;
      await this.#create();
    }
  }

  async close(): Promise<void> {
    this.#closing ??= this.#pool.end();
    await this.#closing;
  }

  get isClosed(): boolean {
    return this.#closing !== null;
  }

  async #connect(): Promise<pg.PoolClient> {
    if (this.isClosed) throw closedError(this.#name);
    if (this.#pool.waitingCount >= waitingMax) {
      throw new MindoraError('store_unavailable', `${this.#name} has too many calls waiting`);
    }
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw toStoreError(toEngineError(error), this.#name);
    }
  }

  async #create(): Promise<void> {
    const url = new URL(this.#url);
    const database = decodeURIComponent(url.pathname.slice(1));
    url.pathname = `/${maintenanceDatabase}`;
    const client = new pg.Client(connectionOptions(url.href));
    client.on('error', noteNothing);
    try {
      await client.connect();
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)} TEMPLATE template0 ENCODING 'UTF8'`);
    } catch (error) {
      const engineError = toEngineError(error);
      // Another process made it at the same time.
      if (engineError.sqlstate !== '42P04' && engineError.sqlstate !== '23505') {
        throw toStoreError(engineError, this.#name);
      }
    } finally {
      await client.end();
    }
  }
}

const poolOptions = { idleTimeoutMillis: idleConnectionMs } as const;

function connectionOptions(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'mindora',
    keepAlive: true,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: answerTimeoutMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
  };
}

/** Whoever uses the connection is told by its own statement. */
function noteNothing(): void {
  return;
}

async function commit<T>(
  session: Session,
  work: (session: Session) => Promise<T>,
  { begin = 'BEGIN', statementMs }: TransactionOptions,
): Promise<T> {
  await session.query(statementMs === undefined ? begin : `${begin}; SET LOCAL statement_timeout = ${statementMs}`);
  try {
    const result = await work(session);
    await session.query('COMMIT');
    return result;
  } catch (error) {
    // A connection that is lost has no transaction any more.
    if (!(error instanceof EngineError) || !error.isLost) await session.query('ROLLBACK');
    throw error;
  }
}

function sessionOf(client: pg.PoolClient, statementMs: number): Session {
  return {
    async query<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]> {
      try {
        const result = await client.query<R>(statement(text, values, statementMs));
        // Several statements in one text give an array of results.
        return Array.isArray(result) ? [] : result.rows;
      } catch (error) {
        throw toEngineError(error);
      }
    },
  };
}

function statement(text: string, values: readonly unknown[] | undefined, statementMs: number): pg.QueryConfig {
  const bound = values === undefined || values.length === 0 ? {} : { values: [...values] };
  // The types don't know it, the client does: its own patience, for this statement.
  const patience = statementMs === 0 ? {} : { query_timeout: statementMs };
  return { text, ...bound, ...patience };
}
