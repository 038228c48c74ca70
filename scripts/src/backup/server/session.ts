/** A connection to a primary's server for copies: rows come as they are stored, as a stream, and statements may take long. */
import { setTimeout as startTimer } from 'node:timers';
import { failureOf, MysqlFailure, translate } from '@mindora/stores/primary/mysql/errors';
import { type Flavour, flavourOf } from '@mindora/stores/primary/mysql/flavours';
import { optionsOf } from '@mindora/stores/primary/mysql/session';
import type { Cell, Cells, Sql } from '@mindora/stores/primary/sql';
import { type Connection as Client, createConnection, type ResultSetHeader } from 'mysql2';

/** A cell as the server writes it, so that no digit and no byte is lost; binary columns as they are. */
export type ExactCell = string | Buffer | null;

const statementMsMax = 60_000;
/** One statement may empty a large table. The other side may be gone meanwhile, so it ends at some time. */
const longStatementMsMax = 15 * 60_000;
/** A server that sends no further row for so long sends none any more. */
const silenceMsMax = 60_000;
/** Rows that wait to be taken. */
const rowsAhead = 16;

/** As strict as a primary's own connections, but for dates that somebody else's shell was allowed to write. */
const modes = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';
/** Whoever changes rows in a shell is waited for this long, then nothing is changed. */
const lockWaitSeconds = 5;

interface Field {
  readonly name: string;
  string(encoding: string): string | null;
  buffer(): Buffer | null;
}

export class ServerSession implements Sql {
  readonly #client: Client;
  #failure: MysqlFailure | null = null;
  /** Of each statement that waits for its answer: what fails it. */
  readonly #waiting = new Set<(failure: MysqlFailure) => void>();
  #flavour: Flavour = flavourOf('');

  private constructor(client: Client) {
    this.#client = client;
    client.on('error', (error) => this.#lose(failureOf(error, '')));
    client.on('end', () => this.#lose(new MysqlFailure(null, 'PROTOCOL_CONNECTION_LOST')));
  }

  /** @throws MysqlFailure within seconds where the server is away */
  static async open(url: string): Promise<ServerSession> {
    const session = new ServerSession(createConnection({ ...optionsOf(url), multipleStatements: false }));
    try {
      await session.#start();
      return session;
    } catch (thrown) {
      session.close();
      throw thrown;
    }
  }

  async #start(): Promise<void> {
    const [facts] = await this.all('SELECT VERSION() AS version');
    this.#flavour = flavourOf(String(facts?.version));
    await this.run(`SET NAMES utf8mb4 COLLATE ${this.#flavour.collation}`);
    await this.run(`SET SESSION sql_mode = '${modes}', time_zone = '+00:00', autocommit = 1`);
    await this.run(`SET SESSION innodb_lock_wait_timeout = ${lockWaitSeconds}`);
    await this.run('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
  }

  async all(text: string, values: readonly (Cell | Buffer)[] = []): Promise<Cells[]> {
    return (await this.#ask(text, values, statementMsMax)) as Cells[];
  }

  async run(text: string, values: readonly (Cell | Buffer)[] = []): Promise<number> {
    return ((await this.#ask(text, values, statementMsMax)) as ResultSetHeader).affectedRows;
  }

  /** A statement over as many rows as there are. */
  async runLong(text: string): Promise<void> {
    await this.#ask(text, [], longStatementMsMax);
  }

  /**
   * Rows of a constant query one after the other; no more than a few are held here.
   *
   * @param binary columns that hold bytes, not text
   */
  async *rows(text: string, binary: ReadonlySet<string>): AsyncGenerator<ExactCell[]> {
    if (this.#failure !== null) throw this.#failure;
    const typeCast = (field: Field) => (binary.has(field.name) ? field.buffer() : field.string('utf8'));
    const query = this.#client.query({ sql: text, rowsAsArray: true, typeCast });
    const stream = query.stream({ highWaterMark: rowsAhead });
    const abandon = (failure: MysqlFailure): void => void stream.destroy(failure);
    this.#waiting.add(abandon);
    const silence = startTimer(() => abandon(new MysqlFailure(null, 'ETIMEDOUT')), silenceMsMax);
    try {
      for await (const row of stream) {
        silence.refresh();
        yield row as ExactCell[];
      }
    } catch (thrown) {
      throw this.#failed(thrown);
    } finally {
      clearTimeout(silence);
      this.#waiting.delete(abandon);
    }
    if (this.#failure !== null) throw this.#failure;
  }

  close(): void {
    this.#lose(new MysqlFailure(null, 'closed'));
  }

  #ask(text: string, values: readonly (Cell | Buffer)[], msMax: number): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const timer = startTimer(() => this.#lose(new MysqlFailure(null, 'ETIMEDOUT')), msMax);
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(abandon);
      };
      const abandon = (failure: MysqlFailure): void => {
        settle();
        reject(failure);
      };
      this.#waiting.add(abandon);
      const done = (error: unknown, answer: unknown): void => {
        settle();
        if (error === null) resolve(answer);
        else reject(this.#failed(error));
      };
      if (values.length === 0) this.#client.query(text, done);
      else this.#client.execute(text, [...values], done);
    });
  }

  /** The server's own message holds values, and stays here. */
  #failed(thrown: unknown): MysqlFailure {
    const failure = thrown instanceof MysqlFailure ? thrown : failureOf(thrown, '');
    if (failure.errno === null) this.#lose(failure);
    return failure;
  }

  /**
   * Fails what waits for an answer. The client tells it nothing where the server closed the connection in good order: its
   * own notice comes after `end`, and is left out once it is destroyed.
   */
  #lose(failure: MysqlFailure): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    this.#client.destroy();
    for (const abandon of [...this.#waiting]) abandon(failure);
  }
}

/** Does something over a connection of its own. @throws MindoraError as the primary would */
export async function withSession<T>(url: string, task: (session: ServerSession) => Promise<T>): Promise<T> {
  try {
    const session = await ServerSession.open(url);
    try {
      return await task(session);
    } finally {
      session.close();
    }
  } catch (thrown) {
    throw translate(thrown);
  }
}
