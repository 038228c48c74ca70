/** Shells of database servers, as a person opens them: with an account's own rights and the server's own settings. */
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import type { SqlShell, Value } from './port.ts';

const timeoutMs = 20_000;

export interface ServerShell extends SqlShell {
  close(): Promise<void>;
}

/** What a statement did: rows that it changed, rows that it gave. */
interface Outcome {
  readonly changes: number;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

type Execute = (sql: string, values: readonly Value[]) => Promise<Outcome>;

function shellOf(execute: Execute, schema: string, close: () => Promise<void>): ServerShell {
  const values = async (sql: string, ...given: Value[]): Promise<unknown[]> => {
    const { rows } = await execute(sql, given);
    return rows.map((row) => Object.values(row)[0]);
  };
  return {
    run: async (sql, ...given) => void (await execute(sql, given)),
    async one(sql, ...given) {
      const { changes } = await execute(sql, given);
      if (changes !== 1) throw new Error(`${changes} rows changed by: ${sql}`);
    },
    values,
    async columns(table) {
      const sql = `SELECT column_name AS name FROM information_schema.columns WHERE table_name = ? AND table_schema = ${schema}`;
      return (await values(sql, table)).map(String);
    },
    close,
  };
}

/** The shell of MySQL or MariaDB. */
export async function mysqlShell(url: string): Promise<ServerShell> {
  const connection = await createConnection({ uri: url, dateStrings: true, connectTimeout: timeoutMs });
  const execute: Execute = async (sql, values) => {
    const [result] = await connection.query({ sql, timeout: timeoutMs }, [...values]);
    if (Array.isArray(result)) return { changes: 0, rows: result as Outcome['rows'] };
    return { changes: result.affectedRows, rows: [] };
  };
  return shellOf(execute, 'database()', async () => connection.destroy());
}

/** The shell of PostgreSQL. */
export async function postgresShell(url: string): Promise<ServerShell> {
  const client = new Client({ connectionString: url, query_timeout: timeoutMs, connectionTimeoutMillis: timeoutMs });
  // A server that ends connections is told by the next statement.
  client.on('error', () => undefined);
  await client.connect();
  const execute: Execute = async (sql, values) => {
    let place = 0;
    const numbered = sql.replaceAll('?', () => {
      place += 1;
      return `$${place}`;
    });
    const { rows, rowCount } = await client.query(numbered, [...values]);
    return { changes: rowCount ?? 0, rows };
  };
  return shellOf(execute, 'current_schema()', () => client.end());
}
