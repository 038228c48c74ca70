import { Client, escapeIdentifier } from 'pg';
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

/** Wrong password, no such role or entry, no right to connect or to look. */
const refusals: ReadonlySet<unknown> = new Set(['28P01', '28000', '42501']);

async function within<T>({ url }: Target, who: Credentials | null, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    ...placeOf(url, 5432),
    user: who?.user ?? 'postgres',
    // Without one the client would look for it elsewhere.
    password: who?.password ?? '',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end();
  }
}

const tables = `SELECT table_schema AS place, table_name AS name FROM information_schema.tables
  WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE' LIMIT ${tablesMax}`;

/** PostgreSQL. */
export const postgres: Door = {
  async enter(target, credentials) {
    try {
      return await within(target, credentials, async (client) => {
        const { rows } = await client.query(tables);
        return entered(`connected, sees ${rows.length} tables`);
      });
    } catch (error) {
      const { code, message } = error as { code?: unknown; message?: string };
      // Asked for a password that it hasn't, the client gives up by itself.
      if (refusals.has(code) || /password must be/.test(message ?? ''))
        return refused(String(code ?? 'needs a password'));
      throw error;
    }
  },
  identity: (target) =>
    within(target, credentialsOf(target.url), async (client) => {
      const { rows } = await client.query('SELECT system_identifier::text AS name FROM pg_control_system()');
      return String((rows[0] as { name: unknown } | undefined)?.name ?? '') || null;
    }),
  holds: (target, words) =>
    within(target, credentialsOf(target.url), async (client) => {
      const { rows } = await client.query<{ place: string; name: string }>(tables);
      const patterns = words.map((word) => `%${word}%`);
      for (const { place, name } of rows) {
        const from = `${escapeIdentifier(place)}.${escapeIdentifier(name)}`;
        const found = await client.query(`SELECT 1 FROM ${from} AS r WHERE r::text LIKE ANY ($1) LIMIT 1`, [patterns]);
        if (found.rows.length > 0) return true;
      }
      return false;
    }),
};
