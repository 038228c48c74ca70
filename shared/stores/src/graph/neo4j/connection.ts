/**
 * The way to Neo4j: one driver with a bounded pool, transactions with a time of their own on both sides, and one table
 * of what is tried again. Nothing is connected before the first call.
 */
import { backoffMs, type Clock, MindoraError, type Random, toMindoraError } from '@mindora/runtime';
import neo4j, { type Driver, type Session, type Transaction } from 'neo4j-driver';
import type { StoreConnection } from '../../connection.ts';
import { closedError } from '../../embedded/errors.ts';

export interface Neo4jOptions {
  readonly connection: StoreConnection;
  readonly clock: Clock;
  readonly random: Random;
}

type Parameters = Readonly<Record<string, unknown>>;

const connectMs = 3_000;
/** Longest wait for one of the pool's connections. */
const acquireMs = 20_000;
const poolMax = 16;
/** A connection that rested longer is tried before it is used. */
const restedMs = 10_000;
const queryMs = 10_000;
const writeMs = 30_000;
/** Making an index of a large graph takes its time. */
const schemaMs = 60_000;
/** What this side waits longer than the server, which should answer first. */
const graceMs = 3_000;
const triesMax = 8;
const retryFirstMs = 10;
const retryLastMs = 500;
/** Rows that the server sends at once; a scan that stops early throws away at most these. */
const fetchRows = 200;

/**
 * Besides what the server calls transient: a node that another transaction deleted between finding and linking it, and
 * one that got a new edge between counting and deleting. Both are right the second time.
 */
const raceCodes = ['Neo.ClientError.Statement.EntityNotFound', 'Neo.ClientError.Schema.ConstraintValidationFailed'];
const timeoutCodes = [
  'Neo.ClientError.Transaction.TransactionTimedOut',
  'Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration',
];

/** One transaction. Statements may be sent without waiting for each other; the server runs them in their order. */
export class Neo4jTransaction {
  readonly #transaction: Transaction;

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  async rows<T>(text: string, parameters: Parameters = {}): Promise<T[]> {
    const { records } = await this.#transaction.run(text, parameters);
    return records.map((record) => record.toObject() as T);
  }

  /** Rows as they come; whoever stops early needn't read the rest. */
  async *stream<T>(text: string, parameters: Parameters = {}): AsyncGenerator<T> {
    for await (const record of this.#transaction.run(text, parameters)) yield record.toObject() as T;
  }
}

type Work<T> = (transaction: Neo4jTransaction) => Promise<T>;

export class Neo4jConnection {
  readonly #options: Neo4jOptions;
  readonly #address: Address;
  #driver: Driver | null = null;
  #closed = false;
  #product = 'Neo4j';

  constructor(options: Neo4jOptions) {
    this.#options = options;
    this.#address = parseAddress(options.connection.url);
  }

  /** "Neo4j", with its version as soon as a server has told it. */
  get product(): string {
    return this.#product;
  }

  /** Reads in one transaction. It is no snapshot: Neo4j reads what is committed at each moment. */
  read<T>(work: Work<T>, timeoutMs = queryMs): Promise<T> {
    return this.#call(timeoutMs, () => this.#attempt('READ', work, timeoutMs));
  }

  /** Writes in one commit, again where another transaction was in the way. */
  write<T>(work: Work<T>, timeoutMs = writeMs): Promise<T> {
    return this.#call(timeoutMs, async (isOver) => {
      for (let tries = 1; ; tries++) {
        try {
          return await this.#attempt('WRITE', work, timeoutMs);
        } catch (thrown) {
          if (tries >= triesMax || isOver() || !isRace(thrown)) throw thrown;
          await this.#options.clock.sleep(backoffMs(tries, this.#options.random, retryFirstMs, retryLastMs));
        }
      }
    });
  }

  /** A statement that can't share a transaction with others: of the schema. */
  async schema(text: string): Promise<void> {
    await this.#call(schemaMs, () =>
      this.#inSession('WRITE', (session) => session.run(text, {}, { timeout: schemaMs })),
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    const driver = this.#driver;
    this.#driver = null;
    await driver?.close();
  }

  async #attempt<T>(mode: 'READ' | 'WRITE', work: Work<T>, timeoutMs: number): Promise<T> {
    return this.#inSession(mode, async (session) => {
      const transaction = await session.beginTransaction({ timeout: timeoutMs, metadata: { app: 'mindora' } });
      try {
        const result = await work(new Neo4jTransaction(transaction));
        await transaction.commit();
        return result;
      } finally {
        // Rolls back what wasn't committed; what it meets on the way says nothing beyond the error that is thrown.
        await transaction.close().catch(() => undefined);
      }
    });
  }

  async #inSession<T>(mode: 'READ' | 'WRITE', work: (session: Session) => Promise<T>): Promise<T> {
    const { database } = this.#address;
    const driver = this.#open();
    const session = driver.session({
      defaultAccessMode: mode,
      fetchSize: fetchRows,
      ...(database === '' ? {} : { database }),
    });
    try {
      return await work(session);
    } finally {
      await session.close().catch(() => undefined);
    }
  }

  /** Runs a call with a deadline on this side, because a server that hangs doesn't keep its own. */
  async #call<T>(timeoutMs: number, work: (isOver: () => boolean) => Promise<T>): Promise<T> {
    if (this.#closed) throw closedError('graph');
    const ended = new AbortController();
    let late = false;
    const deadline = this.#options.clock.sleep(timeoutMs + graceMs, ended.signal).then(() => {
      if (ended.signal.aborted) return new Promise<never>(() => undefined);
      late = true;
      this.#abandon();
      throw new MindoraError('store_unavailable', 'graph does not answer');
    });
    try {
      return await Promise.race([work(() => late), deadline]);
    } catch (thrown) {
      throw this.#closed ? closedError('graph') : toGraphError(thrown);
    } finally {
      ended.abort();
    }
  }

  /** Connections that somebody hangs on are of no use to others either. */
  #abandon(): void {
    const driver = this.#driver;
    this.#driver = null;
    void driver?.close().catch(() => undefined);
  }

  #open(): Driver {
    if (this.#closed) throw closedError('graph');
    this.#driver ??= this.#connect();
    return this.#driver;
  }

  #connect(): Driver {
    const { uri, user, password } = this.#address;
    return neo4j.driver(uri, neo4j.auth.basic(user, password), {
      connectionTimeout: connectMs,
      connectionAcquisitionTimeout: acquireMs,
      connectionLivenessCheckTimeout: restedMs,
      maxConnectionPoolSize: poolMax,
      useBigInt: true,
      telemetryDisabled: true,
      userAgent: 'mindora',
    });
  }

  /** Asks the server who it is. */
  async introduce(timeoutMs = writeMs): Promise<string> {
    const asked = this.#call(timeoutMs, () =>
      this.#inSession('READ', (session) => session.run('RETURN 1', {}, { timeout: timeoutMs })),
    );
    const agent = (await asked).summary.server.agent ?? '';
    if (agent !== '') this.#product = agent.replace('/', ' ');
    return this.#product;
  }
}

interface Address {
  readonly uri: string;
  readonly user: string;
  readonly password: string;
  /** Empty: the user's own one. */
  readonly database: string;
}

function parseAddress(text: string): Address {
  const url = URL.canParse(text) ? new URL(text) : null;
  // The text isn't shown: it holds the password.
  if (url === null || url.host === '') throw new MindoraError('invalid_request', 'the address of Neo4j is not valid');
  return {
    uri: `${url.protocol}//${url.host}`,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.replace(/^\//, '')),
  };
}

function codeOf(thrown: unknown): string {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Thrown inside {@link Neo4jConnection.write} where what was locked is gone: it is done again from the start. */
export function lostRace(): MindoraError {
  return new MindoraError('store_unavailable', 'graph was changed meanwhile', { data: { race: true } });
}

function isRace(thrown: unknown): boolean {
  if (thrown instanceof MindoraError) return thrown.data.race === true;
  const code = codeOf(thrown);
  return code.startsWith('Neo.TransientError.') || raceCodes.includes(code);
}

/** What the client calls its own failures. */
const clientCodes = ['ServiceUnavailable', 'SessionExpired', 'ProtocolError', 'N/A'];

/** The server's messages quote values, so only its code goes on. */
function toGraphError(thrown: unknown): MindoraError {
  const code = codeOf(thrown);
  if (thrown instanceof MindoraError || !(code.startsWith('Neo.') || clientCodes.includes(code))) {
    return toMindoraError(thrown);
  }
  const data = timeoutCodes.includes(code) ? { timeout: true } : {};
  return new MindoraError('store_unavailable', `graph failed (${code})`, { data });
}

/** Whether a query was ended for the time that it took. */
export function isTimeout(thrown: unknown): boolean {
  return thrown instanceof MindoraError && thrown.data.timeout === true;
}
