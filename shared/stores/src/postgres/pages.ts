/** Reading both halves of records, what sync noted and what is really there, in one statement and so in one state. */
import type { EntityName } from '@mindora/contracts';
import { type Stored, storedRecord } from '../embedded/page.ts';
import type { Line } from '../embedded/register.ts';
import type { ScanPage, StoredRecord } from '../port.ts';
import { isHoldable } from './columns.ts';
import type { Session } from './database.ts';
import { linesTable } from './register.ts';
import type { Table } from './table.ts';

/** Bytes of content in one answer of a scan; a page of large documents ends early. */
const pageBytesMax = 8 * 1024 * 1024;

/** What stands beside a document's columns. No field of a document begins with an underscore. */
interface JoinedRow {
  readonly _id: string;
  readonly _version: string | null;
  readonly _deleted: boolean | null;
  readonly _expires_at: string | null;
  readonly _owner: string | null;
  readonly _present: boolean;
  /** Records from the start of the page to the end of the content, of those that were asked for. */
  readonly _total?: string;
}

export interface PageQuery {
  readonly entity: EntityName;
  readonly after: string | null;
  readonly limit: number;
  readonly now: number;
}

const lineColumns = 'l.version AS _version, l.deleted AS _deleted, l.expires_at AS _expires_at, l.owner AS _owner';
const outerColumns = 'p._id, p._version, p._deleted, p._expires_at, p._owner, p._present, p._total';

/** A page of the union of lines and documents, in the order of ids. */
export async function readPage(session: Session, table: Table, query: PageQuery): Promise<ScanPage> {
  const size = `${table.size('t')} AS _size, t.*`;
  const text = `SELECT ${outerColumns}, ${table.selection('p')} FROM (
      SELECT coalesce(l.id, d._key) AS _id, ${lineColumns}, d._key IS NOT NULL AS _present, count(*) OVER () AS _total,
        coalesce(sum(d._size) OVER (ORDER BY coalesce(l.id, d._key) ROWS UNBOUNDED PRECEDING), 0)
          - coalesce(d._size, 0) AS _before, d.*
      FROM ${unionOf(table, query, size)}) p
    WHERE p._before <= ${pageBytesMax} ORDER BY p._id LIMIT $2`;
  const rows = await session.query<JoinedRow>(text, pageValues(query));
  return pageOf(rows, query, (row) => {
    const found = row._present ? table.found(row) : null;
    return { id: row._id, line: lineOf(row), found, present: null };
  });
}

/** The same page, without documents. */
export async function readVersions(session: Session, table: Table, query: PageQuery): Promise<ScanPage> {
  const text = `SELECT coalesce(l.id, d._key) AS _id, ${lineColumns}, d._key IS NOT NULL AS _present
    FROM ${unionOf(table, query, '')} ORDER BY 1 LIMIT $2`;
  const rows = await session.query<JoinedRow>(text, pageValues(query));
  return pageOf(rows, query, (row) => ({ id: row._id, line: lineOf(row), found: null, present: row._present }));
}

/** Records in the order of `ids`; null where nothing is known. */
export async function readRecords(
  session: Session,
  table: Table,
  query: { readonly entity: EntityName; readonly ids: readonly string[]; readonly now: number },
): Promise<(StoredRecord | null)[]> {
  const text = `SELECT k.id AS _id, ${lineColumns}, d.${table.key} IS NOT NULL AS _present, ${table.selection('d')}
    FROM unnest($2::text[]) WITH ORDINALITY AS k (id, place)
      LEFT JOIN ${linesTable} l ON l.entity = $1 AND l.id = k.id LEFT JOIN ${table.name} d ON d.${table.key} = k.id
    ORDER BY k.place`;
  // What no text of the engine can be is no key of it.
  const held = query.ids.filter(isHoldable);
  const rows = held.length === 0 ? [] : await session.query<JoinedRow>(text, [query.entity, held]);
  const records = new Map(rows.map((row) => [row._id, recordOf(table, query.entity, row, query.now)]));
  return query.ids.map((id) => records.get(id) ?? null);
}

function recordOf(table: Table, entity: EntityName, row: JoinedRow, now: number): StoredRecord | null {
  const found = row._present ? table.found(row) : null;
  return storedRecord(entity, { id: row._id, line: lineOf(row), found, present: null }, now);
}

/** The first lines and the first documents, joined; what is first of either is first of the union, too. */
function unionOf(table: Table, { after }: PageQuery, columns: string): string {
  const further = columns === '' ? '' : `, ${columns}`;
  const above = after === null ? '' : 'AND id > $3';
  const aboveKey = after === null ? '' : `WHERE t.${table.key} > $3`;
  return `(SELECT * FROM ${linesTable} WHERE entity = $1 ${above} ORDER BY id LIMIT $2) l
    FULL JOIN (SELECT t.${table.key} AS _key${further} FROM ${table.name} t ${aboveKey}
      ORDER BY t.${table.key} LIMIT $2) d ON d._key = l.id`;
}

/** No id holds NUL, so none lies between a text up to its first NUL and the whole of it. */
function pageValues({ entity, after, limit }: PageQuery): unknown[] {
  return [entity, limit + 1, ...(after === null ? [] : [after.split('\0', 1)[0]])];
}

function pageOf(
  rows: readonly JoinedRow[],
  { entity, limit, now }: PageQuery,
  of: (row: JoinedRow) => Stored,
): ScanPage {
  const shown = rows.slice(0, limit);
  const isWhole = rows.length <= limit && Number(rows[0]?._total ?? rows.length) === rows.length;
  const records = shown.map((row) => storedRecord(entity, of(row), now)).filter((record) => record !== null);
  return { records, next: isWhole ? null : (shown.at(-1)?._id ?? null) };
}

function lineOf(row: JoinedRow): Line | null {
  if (row._version === null) return null;
  return {
    id: row._id,
    version: Number(row._version),
    deleted: row._deleted === true,
    expiresAt: row._expires_at === null ? null : Number(row._expires_at),
    owner: row._owner,
  };
}
