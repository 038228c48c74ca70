/** What a server, not one of its tables, is asked for. */
import type { Database, Session } from './database.ts';
import { longStatementMs } from './database.ts';

/** Tables up to this size are rewritten by a scrub, with nobody else at them meanwhile; larger ones are swept in place. */
const rewrittenBytesMax = 256 * 1024 * 1024;

/**
 * Rewrites each table with its indexes (VACUUM FULL), so that no byte of a deleted row stays in its files. A table
 * beyond {@link rewrittenBytesMax} would be locked for too long: there deleted rows are swept (VACUUM), so that no query
 * finds them and their room is used again.
 */
export async function rewriteTables(database: Database, names: readonly string[]): Promise<void> {
  await database.session(async (session) => {
    await session.query(`SET statement_timeout = ${longStatementMs}`);
    try {
      for (const name of names) await rewrite(session, name);
    } finally {
      await session.query('RESET statement_timeout');
    }
  }, longStatementMs);
}

async function rewrite(session: Session, name: string): Promise<void> {
  const [row] = await session.query<{ bytes: string }>('SELECT pg_table_size(to_regclass($1)) AS bytes', [name]);
  const isSmall = Number(row?.bytes ?? 0) <= rewrittenBytesMax;
  await session.query(`VACUUM (${isSmall ? 'FULL, ' : ''}ANALYZE) ${name}`);
}

/** What each setting must be, and what it must not be. */
const settings: readonly {
  readonly name: string;
  readonly weak: string;
  readonly wanted: string;
  readonly why: string;
}[] = [
  { name: 'fsync', weak: 'off', wanted: 'on', why: 'a power failure may destroy the whole database' },
  { name: 'full_page_writes', weak: 'off', wanted: 'on', why: 'a power failure may leave torn pages' },
  { name: 'synchronous_commit', weak: 'off', wanted: 'on', why: 'a power failure may take the last commits back' },
];

/** Durability settings that are not as they should be, each with what to set. */
export async function weakSettingsOf(database: Database): Promise<string[]> {
  const found = await database.query<{ name: string; setting: string }>(
    'SELECT name, setting FROM pg_settings WHERE name = ANY ($1::text[])',
    [settings.map(({ name }) => name)],
  );
  const values = new Map(found.map(({ name, setting }) => [name, setting]));
  const weak = settings.filter(({ name, weak: bad }) => values.get(name) === bad);
  return weak.map(({ name, weak: bad, wanted, why }) => `${name} is ${bad}, set ${name} = ${wanted}: ${why}`);
}
