/**
 * The earlier database, read and never written: one connection, one snapshot for the whole run, in which the server
 * itself refuses to write, and pages that are bounded in rows and bytes.
 */
import { MindoraError } from '@mindora/runtime';
import { MysqlFailure, translate } from '@mindora/stores/primary/mysql/errors';
import { engineName } from '@mindora/stores/primary/mysql/flavours';
import { Session } from '@mindora/stores/primary/mysql/session';
import { quote } from '@mindora/stores/primary/sql';
import type { EarlierRow } from './mapping.ts';
import type { ColumnFacts } from './values.ts';

export interface TableFacts {
  readonly name: string;
  /** `InnoDB`; others have no snapshots. */
  readonly engine: string;
  /** About how many: the server's own estimate. */
  readonly rowsAbout: number;
  readonly columns: ReadonlyMap<string, ColumnFacts>;
  /** The one column that its rows are known by; null where there is none, or there are several. */
  readonly key: string | null;
}

export interface SourceFacts {
  /** "MariaDB 10.11.14" */
  readonly server: string;
  readonly database: string;
  /** When the snapshot was taken, by the server's clock, in UTC. */
  readonly snapshotAt: string;
  /** The zone in which the server shows its timestamps. */
  readonly zone: string;
  /** The account has rights beyond reading, which this doesn't need. */
  readonly accountMayWrite: boolean;
}

export interface Page {
  readonly rows: readonly EarlierRow[];
  /** Keys of rows that are larger than a page may be, and were not read. */
  readonly tooLarge: readonly string[];
}

export interface Source {
  readonly facts: SourceFacts;
  readonly tables: ReadonlyMap<string, TableFacts>;
  /** The rows of a table in the order of its key, with the columns that are named. */
  pages(table: TableFacts, columns: readonly string[]): AsyncGenerator<Page>;
}

export const pageRowsMax = 500;
export const pageBytesMax = 8 * 1024 * 1024;

/**
 * Opens the database for the time of some work.
 *
 * @param url `mysql://user:password@host:port/database`, with `?tls=true` over TLS
 * @throws MindoraError `store_unavailable` where it is away, refuses the account or goes meanwhile
 */
export async function withSource<T>(url: string, work: (source: Source) => Promise<T>): Promise<T> {
  let session: Session | null = null;
  try {
    session = await Session.open(url, 'REPEATABLE READ');
    await session.bracket('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY', true);
    return await work(await sourceOf(session));
  } catch (thrown) {
    throw told(thrown);
  } finally {
    session?.close();
  }
}

function told(thrown: unknown): unknown {
  if (!(thrown instanceof MysqlFailure)) return thrown;
  const { code, message } = translate(thrown);
  const text = message.replace('the primary', 'the earlier database');
  return new MindoraError(code === 'store_unavailable' ? code : 'internal', text, { cause: thrown });
}

async function sourceOf(session: Session): Promise<Source> {
  return {
    facts: await factsOf(session),
    tables: await tablesOf(session),
    pages: (table, columns) => pagesOf(session, table, columns),
  };
}

async function factsOf(session: Session): Promise<SourceFacts> {
  const zone = `IF(@@global.time_zone = 'SYSTEM', @@system_time_zone, @@global.time_zone)`;
  const text = `SELECT DATABASE() AS name, CAST(UTC_TIMESTAMP(6) AS CHAR) AS time, ${zone} AS zone`;
  const [row] = await session.all(text, []);
  const grants = await session.all('SHOW GRANTS', []);
  return {
    server: engineName(session.version),
    database: String(row?.name),
    snapshotAt: `${String(row?.time).replace(' ', 'T')}Z`,
    zone: String(row?.zone),
    accountMayWrite: grants.flatMap((grant) => Object.values(grant)).some((line) => mayWrite(String(line))),
  };
}

const readingRights = new Set(['SELECT', 'USAGE', 'SHOW VIEW', 'PROXY']);

/** Whether a line of SHOW GRANTS grants more than reading. */
export function mayWrite(line: string): boolean {
  const granted = /^GRANT (.+?) ON /i.exec(line)?.[1];
  if (granted === undefined) return false;
  const rights = granted.replaceAll(/\([^)]*\)/g, '').split(',');
  return rights.some((right) => !readingRights.has(right.trim().toUpperCase()));
}

async function tablesOf(session: Session): Promise<Map<string, TableFacts>> {
  const found = await session.all(
    `SELECT TABLE_NAME AS name, ENGINE AS engine, TABLE_ROWS AS rows_about FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME`,
    [],
  );
  const columns = await session.all(
    `SELECT TABLE_NAME AS table_name, COLUMN_NAME AS name, DATA_TYPE AS type, COLUMN_KEY AS column_key
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION`,
    [],
  );
  return new Map(
    found.map((table) => {
      const own = columns.filter((column) => column.table_name === table.name);
      const keys = own.filter((column) => column.column_key === 'PRI').map((column) => String(column.name));
      const facts: TableFacts = {
        name: String(table.name),
        engine: String(table.engine ?? ''),
        rowsAbout: Number(table.rows_about ?? 0),
        columns: new Map(own.map(({ name, type }) => [String(name), { type: String(type).toLowerCase() }])),
        key: keys.length === 1 ? (keys[0] ?? null) : null,
      };
      return [facts.name, facts];
    }),
  );
}

const longTypes = /text$|blob$|^json$/;

async function* pagesOf(session: Session, table: TableFacts, columns: readonly string[]): AsyncGenerator<Page> {
  const { key } = table;
  if (key === null) throw new MindoraError('internal', `${table.name} has no key of one column`);
  for (let after: string | null = null; ; ) {
    const sizes = await sizesOf(session, table, key, columns, after);
    const last = sizes.at(-1);
    if (last === undefined) return;
    const tooLarge = sizes.filter(({ bytes }) => bytes > pageBytesMax).map(({ id }) => id);
    const rows = await rowsOf(session, table, key, columns, after, last.id);
    yield { rows, tooLarge };
    after = last.id;
  }
}

interface Size {
  readonly id: string;
  readonly bytes: number;
}

/** The next rows by their sizes, as many as a page holds: at least one. */
async function sizesOf(
  session: Session,
  table: TableFacts,
  key: string,
  columns: readonly string[],
  after: string | null,
): Promise<Size[]> {
  const size = sizeOf(table, columns);
  const from = after === null ? '' : ` WHERE ${quote(key)} > ?`;
  const found = await session.all(
    `SELECT CAST(${quote(key)} AS CHAR) AS id, ${size} AS bytes FROM ${quote(table.name)}${from}
     ORDER BY ${quote(key)} LIMIT ${pageRowsMax}`,
    after === null ? [] : [after],
  );
  const page: Size[] = [];
  let sum = 0;
  for (const { id, bytes } of found) {
    const counted = Number(bytes) > pageBytesMax ? 0 : Number(bytes);
    if (page.length > 0 && sum + counted > pageBytesMax) break;
    page.push({ id: String(id), bytes: Number(bytes) });
    sum += counted;
  }
  return page;
}

/** Bytes of a row's long columns; the short ones don't matter. */
function sizeOf(table: TableFacts, columns: readonly string[]): string {
  const long = columns.filter((column) => longTypes.test(table.columns.get(column)?.type ?? ''));
  return ['0', ...long.map((column) => `COALESCE(OCTET_LENGTH(${quote(column)}), 0)`)].join(' + ');
}

async function rowsOf(
  session: Session,
  table: TableFacts,
  key: string,
  columns: readonly string[],
  after: string | null,
  last: string,
): Promise<EarlierRow[]> {
  // As text: the client would make doubles of FLOAT, and objects of JSON.
  const wanted = [...new Set([key, ...columns])];
  const list = wanted.map((column) => `CAST(${quote(column)} AS CHAR) AS ${quote(column)}`).join(', ');
  const from = after === null ? '' : ` AND ${quote(key)} > ?`;
  const found = await session.all(
    `SELECT ${list} FROM ${quote(table.name)} WHERE ${quote(key)} <= ?${from}
     AND ${sizeOf(table, columns)} <= ${pageBytesMax} ORDER BY ${quote(key)}`,
    after === null ? [last] : [last, after],
  );
  return found.map((cells) => Object.fromEntries(Object.entries(cells).map(([name, cell]) => [name, textOf(cell)])));
}

function textOf(cell: unknown): string | null {
  if (cell === null || cell === undefined) return null;
  return Buffer.isBuffer(cell) ? cell.toString('utf8') : String(cell);
}
