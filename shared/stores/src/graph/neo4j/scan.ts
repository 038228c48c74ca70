/**
 * Reading all of an entity, page by page: sync's own nodes in the order of the index (which is that of UTF-8 bytes;
 * elsewhere Cypher orders by UTF-16 units), and beside them nodes and edges that sync did not write.
 */
import { compareKeys } from '@mindora/contracts';
import { storedRecord } from '../../embedded/page.ts';
import type { ScanPage, StoredRecord } from '../../port.ts';
import type { Neo4jConnection, Neo4jTransaction } from './connection.ts';
import { type EntityNames, idOfKey, recordKey } from './names.ts';
import { lineOf, recordOf, type StateRow, stateColumns, stateOfKeys } from './state.ts';
import type { Strays } from './strays.ts';
import type { Properties } from './values.ts';

/** Where is read from, and when. */
export interface Place {
  readonly connection: Neo4jConnection;
  readonly strays: Strays;
  readonly now: number;
}

export interface Scan {
  readonly names: EntityNames;
  readonly after: string | null;
  readonly limit: number;
}

/** Characters of content in one answer; a page of large documents ends early. */
const charactersMax = 8 * 1024 * 1024;
const scanMs = 60_000;
/** Times that a record with a fault is looked at: Neo4j has no snapshots, so a write may be seen by halves. */
const looksMax = 3;

/** What was read above `after`; `last` is the id that it reaches to, null: to the end. */
interface Walk<T> {
  readonly rows: readonly T[];
  readonly last: string | null;
}

type LineRow = Pick<StateRow, 'key' | 'properties' | 'live'>;

/** One page with documents. */
export async function scanRecords(place: Place, scan: Scan): Promise<ScanPage> {
  const { names } = scan;
  const page = await place.connection.read(async (transaction) => {
    const own = await walkOwn(transaction, scan);
    const strangers = await walkStrangers(transaction, place, scan);
    const others = await statesOf(transaction, names, strangers.rows);
    const last = earlier(own.last, strangers.last);
    return pageOf(scan, [...own.rows, ...others], last, (row) => recordFrom(place, names, row));
  }, scanMs);
  return { ...page, records: await settled(place, names, page.records) };
}

/** One page without documents. */
export function scanLines(place: Place, scan: Scan): Promise<ScanPage> {
  const { names } = scan;
  return place.connection.read(async (transaction) => {
    const own = await walkLines(transaction, scan);
    const strangers = await walkStrangers(transaction, place, scan);
    const known = new Set(own.rows.map(({ key }) => key));
    const keys = strangers.rows.map((id) => recordKey(names.entity, id));
    const others = keys.filter((key) => !known.has(key)).map((key) => ({ key, properties: null, live: true }));
    const both = new Set(keys);
    const lines = own.rows.map((row) => (both.has(row.key) ? { ...row, live: true } : row));
    const last = earlier(own.last, strangers.last);
    return pageOf(scan, [...lines, ...others], last, (row) => briefOf(place, names, row));
  }, scanMs);
}

/** Records by their ids, in that order; null where nothing is known. */
export async function readRecords(
  place: Place,
  names: EntityNames,
  ids: readonly string[],
): Promise<(StoredRecord | null)[]> {
  const found = await settled(place, names, await readOnce(place, names, ids));
  const byId = new Map(found.map((record) => [record.id, record]));
  return ids.map((id) => byId.get(id) ?? null);
}

async function readOnce(place: Place, names: EntityNames, ids: readonly string[]): Promise<StoredRecord[]> {
  const states = await place.connection.read((transaction) => statesOf(transaction, names, ids), scanMs);
  return states.map((row) => recordFrom(place, names, row)).filter((record) => record !== null);
}

async function statesOf(
  transaction: Neo4jTransaction,
  names: EntityNames,
  ids: readonly string[],
): Promise<StateRow[]> {
  if (ids.length === 0) return [];
  const keys = [...new Set(ids)].map((id) => [recordKey(names.entity, id), id]);
  return transaction.rows(stateOfKeys(names, 'whole'), { keys });
}

/** A fault that a write under way made for a moment is gone at the next look. */
async function settled(
  place: Place,
  names: EntityNames,
  records: readonly StoredRecord[],
): Promise<readonly StoredRecord[]> {
  let known = records;
  for (let look = 1; look < looksMax; look++) {
    const doubtful = known.filter(({ fault }) => fault !== undefined).map(({ id }) => id);
    if (doubtful.length === 0) return known;
    const again = new Map((await readOnce(place, names, doubtful)).map((record) => [record.id, record]));
    known = known.flatMap((record) => (record.fault === undefined ? record : (again.get(record.id) ?? [])));
  }
  return known;
}

function recordFrom({ strays, now }: Place, names: EntityNames, row: StateRow): StoredRecord | null {
  return recordOf(names, row, strays.faultOf(names.entity, idOfKey(names.entity, row.key)), now);
}

function briefOf({ now }: Place, names: EntityNames, { key, properties, live }: LineRow): StoredRecord | null {
  const id = idOfKey(names.entity, key);
  const line = lineOf(id, properties);
  return storedRecord(names.entity, { id, line, found: null, present: live === true }, now);
}

/** Rows in the order of ids, each key once, as far as all that was read reaches. */
function pageOf<T extends { readonly key: string }>(
  { names, limit }: Scan,
  rows: readonly T[],
  last: string | null,
  recordFor: (row: T) => StoredRecord | null,
): ScanPage {
  const byId = new Map(rows.map((row) => [idOfKey(names.entity, row.key), row]));
  const within = [...byId.keys()].filter((id) => last === null || compareKeys(id, last) <= 0).sort(compareKeys);
  const ids = within.slice(0, limit);
  const records = ids.map((id) => byId.get(id)).map((row) => (row === undefined ? null : recordFor(row)));
  const next = within.length > limit ? (ids.at(-1) ?? null) : last;
  return { records: records.filter((record) => record !== null), next };
}

function ownRange({ entity }: EntityNames, after: string | null): string {
  return `MATCH (n:_Applied) USING INDEX n:_Applied(_key)
    WHERE n._key ${after === null ? '>=' : '>'} $from AND n._key < '${entity};' WITH n ORDER BY n._key LIMIT $limit`;
}

async function walkOwn(transaction: Neo4jTransaction, { names, after, limit }: Scan): Promise<Walk<StateRow>> {
  const text = `${ownRange(names, after)} WITH n, n._key AS key
    OPTIONAL MATCH (d:${names.label} {${names.key}: substring(key, ${names.entity.length + 1})}) WHERE d <> n
    RETURN ${stateColumns(names, 'whole')}`;
  const rows: StateRow[] = [];
  let characters = 0;
  const parameters = { from: recordKey(names.entity, after ?? ''), limit: BigInt(limit + 1) };
  for await (const row of transaction.stream<StateRow>(text, parameters)) {
    if (rows.length === limit || characters > charactersMax) return { rows, last: lastId(names, rows) };
    characters += sizeOf(row.properties);
    rows.push(row);
  }
  return { rows, last: null };
}

async function walkLines(transaction: Neo4jTransaction, { names, after, limit }: Scan): Promise<Walk<LineRow>> {
  const text = `${ownRange(names, after)} RETURN n._key AS key, n:${names.label} AS live,
    n {._version, ._deleted, ._expiresAt} AS properties`;
  const parameters = { from: recordKey(names.entity, after ?? ''), limit: BigInt(limit + 1) };
  const rows = await transaction.rows<LineRow>(text, parameters);
  if (rows.length <= limit) return { rows, last: null };
  const first = rows.slice(0, limit);
  return { rows: first, last: lastId(names, first) };
}

/** Ids of nodes that sync did not write, and of strays. The index is walked over all nodes, sync's own left out. */
async function walkStrangers(transaction: Neo4jTransaction, { strays }: Place, scan: Scan): Promise<Walk<string>> {
  const { names, after, limit } = scan;
  const text = `MATCH (d:${names.label}) USING INDEX d:${names.label}(${names.key})
    WHERE d.${names.key} ${after === null ? '>=' : '>'} $from WITH d ORDER BY d.${names.key} LIMIT $limit
    WITH collect(d.${names.key}) AS walked, collect(CASE WHEN d:_Applied THEN null ELSE d.${names.key} END) AS ids
    RETURN size(walked) AS count, last(walked) AS top, ids`;
  const [walk] = await transaction.rows<{ count: bigint; top: string | null; ids: string[] }>(text, {
    from: after ?? '',
    limit: BigInt(limit + 1),
  });
  const last = walk !== undefined && Number(walk.count) > limit ? walk.top : null;
  return { rows: [...(walk?.ids ?? []), ...strays.idsBetween(names.entity, after, last)], last };
}

function earlier(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return compareKeys(a, b) <= 0 ? a : b;
}

function lastId({ entity }: EntityNames, rows: readonly { readonly key: string }[]): string | null {
  const last = rows.at(-1);
  return last === undefined ? null : idOfKey(entity, last.key);
}

function sizeOf(properties: Properties | null): number {
  let size = 0;
  for (const value of Object.values(properties ?? {})) size += typeof value === 'string' ? value.length : 8;
  return size;
}
