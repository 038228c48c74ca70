import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** A database of its own on a server, which the store makes. */
export interface TestDatabase {
  readonly url: string;
  /** Runs SQL as another program would; its rows. */
  sql<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
  remove(): Promise<void>;
}

async function run<R extends object>(url: string, text: string, values: readonly unknown[]): Promise<R[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<R>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** The name of a database, not yet made. */
export function testDatabase(serverUrl: string): TestDatabase {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    sql: (text, values = []) => run(url.href, text, values),
    remove: async () => void (await run(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, [])),
  };
}
