import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import {
  type Credentials,
  credentialsOf,
  type Door,
  entered,
  placeOf,
  refused,
  type Target,
  tablesMax,
  timeoutMs,
} from './door.ts';

const refusals: ReadonlySet<unknown> = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_ACCESS_DENIED_NO_PASSWORD_ERROR',
  'ER_HOST_NOT_PRIVILEGED',
]);

async function within<T>({ url }: Target, who: Credentials | null, work: (connection: Connection) => Promise<T>) {
  const { host, port, database } = placeOf(url, 3306);
  const account = who === null ? { user: '' } : { user: who.user, password: who.password };
  const connection = await createConnection({ host, port, database, ...account, connectTimeout: timeoutMs });
  try {
    return await work(connection);
  } finally {
    connection.destroy();
  }
}

async function rowsOf(connection: Connection, sql: string, values: readonly unknown[] = []): Promise<RowDataPacket[]> {
  const [rows] = await connection.query<RowDataPacket[]>({ sql, timeout: timeoutMs }, [...values]);
  return rows;
}

const textColumns = `SELECT TABLE_NAME AS owner, COLUMN_NAME AS name FROM information_schema.COLUMNS
  WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME LIMIT 5000`;

/** MySQL and MariaDB. */
export const mysql: Door = {
  async enter(target, credentials) {
    try {
      return await within(target, credentials, async (connection) => {
        const count = 'SELECT COUNT(*) AS count FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()';
        return entered(`connected, sees ${(await rowsOf(connection, count))[0]?.count} tables`);
      });
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (refusals.has(code)) return refused(String(code));
      throw error;
    }
  },
  identity: (target) =>
    within(target, credentialsOf(target.url), async (connection) => {
      // Both name a server; which of them there is depends on the product.
      const named = await rowsOf(
        connection,
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('server_uuid', 'server_uid')",
      );
      const [place] = await rowsOf(connection, 'SELECT @@hostname AS host, @@port AS port, @@datadir AS directory');
      return JSON.stringify([named.map(({ Value }) => Value), place?.host, place?.port, place?.directory]);
    }),
  holds: (target, words) =>
    within(target, credentialsOf(target.url), async (connection) => {
      const columns = new Map<string, string[]>();
      for (const { owner, name } of await rowsOf(connection, textColumns)) {
        columns.set(owner, [...(columns.get(owner) ?? []), name]);
      }
      for (const [table, names] of [...columns].slice(0, tablesMax)) {
        if (await tableHolds(connection, table, names, words)) return true;
      }
      return false;
    }),
};

async function tableHolds(connection: Connection, table: string, names: readonly string[], words: readonly string[]) {
  const text = "CONVERT(CONCAT_WS(' ', ??) USING utf8mb4) LIKE ?";
  const sql = `SELECT 1 FROM ?? WHERE ${words.map(() => text).join(' OR ')} LIMIT 1`;
  const values = [table, ...words.flatMap((word) => [names, `%${word}%`])];
  return (await rowsOf(connection, sql, values)).length > 0;
}
