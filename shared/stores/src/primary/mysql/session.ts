/** One connection to a server and one session on it: opened, used, lost. Nothing here reconnects. */
import { setTimeout as startTimer } from 'node:timers';
import { type Connection as Client, type ConnectionOptions, createConnection, type ResultSetHeader } from 'mysql2';
import type { Cell, Cells } from '../sql.ts';
import { failureOf, isDeadlock, isLost, MysqlFailure } from './errors.ts';
import { type Flavour, flavourOf } from './flavours.ts';

const connectTimeoutMs = 3000;
/** Whatever takes longer is given up, with the connection: an answer that came later could not be told from others. */
const statementTimeoutMs = 20_000;
/** How long a statement waits for rows that another transaction changes. The unit is tried again after that. */
const lockTimeoutSeconds = 2;
const statementsMax = 500;
/** Bytes of a packet beside the values that it carries. */
const packetReserve = 65_536;

/** Text from definitions is quoted by doubling, so a backslash is a character like others. */
const modes = [
  'ANSI_QUOTES',
  'NO_BACKSLASH_ESCAPES',
  'STRICT_TRANS_TABLES',
  'STRICT_ALL_TABLES',
  'NO_ZERO_IN_DATE',
  'NO_ZERO_DATE',
  'ERROR_FOR_DIVISION_BY_ZERO',
  'NO_ENGINE_SUBSTITUTION',
].join();

/** A writer sees what others committed; a reader sees one state. */
export type Isolation = 'READ COMMITTED' | 'REPEATABLE READ';

/** In the transaction, whether it is still open after the last statement: the lowest bit of the server's status. */
const inTransactionBit = 1;

type Answer = Cells[] | ResultSetHeader | (Cells[] | ResultSetHeader)[];

/** How a place is reached. */
export function optionsOf(place: string): ConnectionOptions {
  const url = new URL(place);
  return {
    host: url.hostname,
    port: url.port === '' ? 3306 : Number(url.port),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(url.searchParams.get('tls') === 'true' ? { ssl: {} } : {}),
    connectTimeout: connectTimeoutMs,
    enableKeepAlive: true,
    charset: 'utf8mb4',
    dateStrings: true,
    supportBigNumbers: true,
    maxPreparedStatements: statementsMax,
    // Only for constant texts: what has values is prepared, and a prepared text is one statement.
    multipleStatements: true,
  };
}

/** An integer sent as one: as a double, LIMIT refuses it. */
function bound(value: Cell): string | number | bigint | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}

export class Session {
  readonly #client: Client;
  #failure: MysqlFailure | null = null;
  /** Of each statement that waits for its answer: what fails it. */
  readonly #waiting = new Set<(failure: MysqlFailure) => void>();
  #inTransaction = false;
  #version = '';
  #bytesMax = Number.POSITIVE_INFINITY;

  private constructor(client: Client) {
    this.#client = client;
    // Also tells of a connection that ends while nobody asks anything of it.
    client.on('error', (error) => this.#lose(failureOf(error, '')));
    client.on('end', () => this.#lose(new MysqlFailure(null, 'PROTOCOL_CONNECTION_LOST')));
  }

  /** @throws MysqlFailure within seconds */
  static async open(place: string, isolation: Isolation): Promise<Session> {
    const session = new Session(createConnection(optionsOf(place)));
    try {
      await session.#start(isolation);
      return session;
    } catch (thrown) {
      session.close();
      throw thrown;
    }
  }

  get flavour(): Flavour {
    return flavourOf(this.#version);
  }

  /** As the server says it. */
  get version(): string {
    return this.#version;
  }

  isAlive(): boolean {
    return this.#failure === null;
  }

  inTransaction(): boolean {
    return this.#inTransaction;
  }

  async all(text: string, values: readonly Cell[]): Promise<Cells[]> {
    const answer = await this.#ask(text, values);
    return Array.isArray(answer) ? (answer as Cells[]) : [];
  }

  async run(text: string, values: readonly Cell[]): Promise<number> {
    const answer = await this.#ask(text, values);
    if (Array.isArray(answer)) return answer.length;
    this.#inTransaction = (answer.serverStatus & inTransactionBit) !== 0;
    return answer.affectedRows;
  }

  /** Statements that open or end a transaction; constant text. */
  async bracket(text: string, inTransaction: boolean): Promise<void> {
    await this.#ask(text, []);
    this.#inTransaction = inTransaction;
  }

  close(): void {
    this.#lose(new MysqlFailure(null, 'closed'));
  }

  async #start(isolation: Isolation): Promise<void> {
    const [facts] = await this.all('SELECT VERSION() AS version, @@max_allowed_packet AS bytes', []);
    this.#version = String(facts?.version);
    this.#bytesMax = Number(facts?.bytes) - packetReserve;
    await this.#ask(
      `SET NAMES utf8mb4 COLLATE ${this.flavour.collation};
       SET SESSION sql_mode = '${modes}', time_zone = '+00:00', autocommit = 1;
       SET SESSION innodb_lock_wait_timeout = ${lockTimeoutSeconds};
       SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`,
      [],
    );
  }

  #ask(text: string, values: readonly Cell[]): Promise<Answer> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#isTooLarge(values)) return Promise.reject(new MysqlFailure(1406, 'larger than max_allowed_packet'));
    return new Promise((resolve, reject) => {
      const timer = startTimer(() => this.#lose(new MysqlFailure(null, 'ETIMEDOUT')), statementTimeoutMs);
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(abandon);
      };
      const abandon = (failure: MysqlFailure): void => {
        settle();
        reject(failure);
      };
      this.#waiting.add(abandon);
      const done = (error: unknown, answer: unknown) => {
        settle();
        if (error === null) resolve(answer as Answer);
        else reject(this.#failed(error, text));
      };
      if (values.length === 0) this.#client.query(text, done);
      else this.#client.execute(text, values.map(bound), done);
    });
  }

  #failed(error: unknown, text: string): MysqlFailure {
    const failure = failureOf(error, text);
    if (isLost(failure)) this.#lose(failure);
    if (isDeadlock(failure)) this.#inTransaction = false;
    return failure;
  }

  /** What is too large ends the connection, and so the work of others: it is not sent. */
  #isTooLarge(values: readonly Cell[]): boolean {
    let bytes = 0;
    for (const value of values) {
      // A character takes three bytes of UTF-8 at most for each of its code units.
      if (typeof value === 'string') bytes += 3 * value.length;
    }
    if (bytes <= this.#bytesMax) return false;
    const exact = values.reduce<number>((sum, it) => sum + (typeof it === 'string' ? Buffer.byteLength(it) : 8), 0);
    return exact > this.#bytesMax;
  }

  /**
   * Fails what waits for an answer. The client tells it nothing where the server closed the connection in good order: its
   * own notice comes after `end`, and is left out once it is destroyed.
   */
  #lose(failure: MysqlFailure): void {
    this.#inTransaction = false;
    if (this.#failure !== null) return;
    this.#failure = failure;
    this.#client.destroy();
    for (const abandon of [...this.#waiting]) abandon(failure);
  }
}
