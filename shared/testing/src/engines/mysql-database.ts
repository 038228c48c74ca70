/** A database of its own on a server of MySQL or MariaDB, so that tests don't see each other. */
import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import type { RunningEngine } from './port.ts';

/** What a service's account needs. DROP is missing: who has it may TRUNCATE. */
const rights = 'SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, TRIGGER';

export interface MysqlDatabase {
  readonly name: string;
  /** With the rights that a service has. */
  readonly url: string;
  /** With all rights. */
  readonly adminUrl: string;
  remove(): Promise<void>;
}

/** Makes an empty database, and an account that may use it alone. */
export async function newMysqlDatabase({ url }: Pick<RunningEngine, 'url'>): Promise<MysqlDatabase> {
  const name = `mindora_${randomBytes(6).toString('hex')}`;
  const { host, username, password } = new URL(url);
  await execute(
    url,
    `CREATE DATABASE ${name}`,
    `CREATE USER '${name}'@'%' IDENTIFIED BY '${name}'`,
    `GRANT ${rights} ON ${name}.* TO '${name}'@'%'`,
  );
  return {
    name,
    url: `mysql://${name}:${name}@${host}/${name}`,
    adminUrl: `mysql://${username}:${password}@${host}/${name}`,
    remove: () => execute(url, `DROP DATABASE ${name}`, `DROP USER '${name}'@'%'`),
  };
}

async function execute(url: string, ...statements: string[]): Promise<void> {
  const connection = await connectMysql(url);
  for (const statement of statements) await connection.query(statement);
  await connection.close();
}

/** A connection as a person's shell has it: with the server's own settings. */
export interface RawMysql {
  /** One statement or several, separated by semicolons; rows of a single SELECT. */
  query(sql: string, values?: readonly string[]): Promise<Record<string, unknown>[]>;
  /** Ends it; a transaction that is open is undone. */
  close(): Promise<void>;
}

/** Opens one. Times come as they are stored. */
export async function connectMysql(url: string): Promise<RawMysql> {
  const connection = await createConnection({ uri: url, multipleStatements: true, dateStrings: true });
  return {
    query: async (sql, values = []) => (await connection.query(sql, [...values]))[0] as Record<string, unknown>[],
    close: async () => connection.destroy(),
  };
}
