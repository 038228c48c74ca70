/** What sync and verify read: snapshots on read-only connections, in whatever thread asks. */
import { type EntityName, entity, entityNames, type RecordKey, type Role, type Row } from '@mindora/contracts';
import type { Dialect } from './dialect.ts';
import { fromBits } from './marking.ts';
import type { EmbeddingRow, LedgerRecord, ParkedRecord, PrimaryLedger, PublishedTo } from './port.ts';
import { decodeRow, rowsById, selectList } from './rows.ts';
import { Snapshots } from './snapshots.ts';
import { type Cell, type Cells, chunks, placeholders, quote, type Sql } from './sql.ts';

/** The methods of the ledger that only read. */
export type LedgerReads = Pick<
  PrimaryLedger,
  | 'now'
  | 'pending'
  | 'scan'
  | 'scanVersions'
  | 'read'
  | 'parked'
  | 'embeddings'
  | 'orphanEmbeddings'
  | 'published'
  | 'statistics'
  | 'keysOfUser'
  | 'erasures'
>;

const lineColumns = ['entity', 'id', 'version', 'mark', 'pending_since', 'stores'].map((name) => `l."${name}"`).join();

type Line = Omit<LedgerRecord, 'row' | 'present'>;

function lineOf(cells: Cells): Line {
  const since = cells.pending_since;
  return {
    entity: cells.entity as EntityName,
    id: String(cells.id),
    version: Number(cells.version),
    mark: Number(cells.mark),
    pendingSince: since === null ? null : Number(since),
    stores: fromBits(cells.stores),
  };
}

async function withRows(sql: Sql, dialect: Dialect, lines: readonly Line[]): Promise<LedgerRecord[]> {
  const rows = new Map<EntityName, Map<string, Row>>();
  for (const name of new Set(lines.map((line) => line.entity))) {
    const ids = lines.filter((line) => line.entity === name).map((line) => line.id);
    rows.set(name, await rowsById(sql, dialect, name, ids));
  }
  return lines.map((line) => {
    const row = rows.get(line.entity)?.get(line.id) ?? null;
    return { ...line, row, present: row !== null };
  });
}

/** About the bytes that a row takes as JSON. */
function bytesOf(row: Row | null): number {
  let bytes = 200;
  for (const value of Object.values(row ?? {})) {
    if (typeof value === 'string') bytes += Buffer.byteLength(value) + 30;
    else bytes += typeof value === 'object' && value !== null ? Buffer.byteLength(JSON.stringify(value)) : 30;
  }
  return bytes;
}

const knownEntities = placeholders(entityNames);

/** The plus keeps the planner on the short index of what is pending; else it walks the whole ledger by entity. */
export const pendingLinesText = `SELECT ${lineColumns} FROM "_ledger" AS l
  WHERE l."pending_since" IS NOT NULL AND +l."entity" IN (${knownEntities.text})
  ORDER BY l."pending_since", l."entity", l."id" LIMIT ?`;

/**
 * The rows are read in parts that grow with what still fits, so that a few large records don't fill the memory.
 */
async function pending(sql: Sql, dialect: Dialect, limit: number, bytesMax: number): Promise<LedgerRecord[]> {
  const cells = await sql.all(pendingLinesText, [...knownEntities.values, limit]);
  const lines = cells.map(lineOf);
  const records: LedgerRecord[] = [];
  let bytes = 0;
  let part = 8;
  while (records.length < lines.length) {
    for (const record of await withRows(sql, dialect, lines.slice(records.length, records.length + part))) {
      bytes += bytesOf(record.row);
      if (bytes > bytesMax && records.length > 0) return records;
      records.push(record);
    }
    const average = bytes / records.length;
    part = Math.min(256, Math.max(1, Math.ceil((bytesMax - bytes) / average)));
  }
  return records;
}

/** Read at once, and about the characters of a page: a run of large rows ends it early. */
const scanStep = 32;
const scanSizeMax = 8_000_000;

async function scan(sql: Sql, dialect: Dialect, name: EntityName, after: string | null, limit: number) {
  const records: LedgerRecord[] = [];
  for (let size = 0; size < scanSizeMax && records.length < limit; ) {
    const asked = Math.min(scanStep, limit - records.length);
    const found = await scanSome(sql, dialect, name, records.at(-1)?.id ?? after, asked);
    for (const cells of found) {
      records.push(scanned(name, cells));
      size += sizeOf(cells);
    }
    if (found.length < asked) break;
  }
  return records;
}

function sizeOf(cells: Cells): number {
  return Object.values(cells).reduce<number>((sum, cell) => sum + (typeof cell === 'string' ? cell.length : 8), 0);
}

function scanSome(sql: Sql, dialect: Dialect, name: EntityName, after: string | null, limit: number) {
  const definition = entity(name);
  const key = quote(definition.key);
  // Names of the ledger's columns that the entity has too are told apart by a prefix.
  const list = ['entity', 'id', 'version', 'mark', 'pending_since', 'stores']
    .map((column) => `l."${column}" AS "l:${column}"`)
    .join();
  return sql.all(
    `SELECT ${list}, t.${key} IS NOT NULL AS "l:present", ${selectList(definition, dialect, false, 't')}
     FROM "_ledger" AS l LEFT JOIN ${quote(definition.table)} AS t ON t.${key} = l."id"
     WHERE l."entity" = ? AND l."id" > ? ORDER BY l."id" LIMIT ?`,
    [name, after ?? '', limit],
  );
}

function scanned(name: EntityName, cells: Cells): LedgerRecord {
  const line: Record<string, unknown> = {};
  for (const [column, cell] of Object.entries(cells)) if (column.startsWith('l:')) line[column.slice(2)] = cell;
  const present = line.present === 1;
  return { ...lineOf(line), present, row: present ? decodeRow(entity(name), cells) : null };
}

async function scanVersions(sql: Sql, name: EntityName, after: string | null, limit: number): Promise<LedgerRecord[]> {
  const { table, key } = entity(name);
  const found = await sql.all(
    `SELECT ${lineColumns}, EXISTS (SELECT 1 FROM ${quote(table)} AS t WHERE t.${quote(key)} = l."id") AS "present"
     FROM "_ledger" AS l WHERE l."entity" = ? AND l."id" > ? ORDER BY l."id" LIMIT ?`,
    [name, after ?? '', limit],
  );
  return found.map((cells) => ({ ...lineOf(cells), row: null, present: cells.present === 1 }));
}

/** Ledger lines of records, in the order of the keys. */
async function linesOf(sql: Sql, keys: readonly RecordKey[]): Promise<(Line | null)[]> {
  const lines = new Map<string, Line>();
  for (const name of new Set(keys.map((key) => key.entity))) {
    const ids = keys.filter((key) => key.entity === name).map((key) => key.id);
    for (const part of chunks(ids)) {
      const list = placeholders(part);
      const text = `SELECT ${lineColumns} FROM "_ledger" AS l WHERE l."entity" = ? AND l."id" IN (${list.text})`;
      for (const cells of await sql.all(text, [name, ...list.values])) {
        lines.set(`${name}/${String(cells.id)}`, lineOf(cells));
      }
    }
  }
  return keys.map((key) => lines.get(`${key.entity}/${key.id}`) ?? null);
}

/** Versions of records in the order of the keys; 0 where the ledger knows none. */
export async function versionsOf(sql: Sql, keys: readonly RecordKey[]): Promise<number[]> {
  return (await linesOf(sql, keys)).map((line) => line?.version ?? 0);
}

async function read(sql: Sql, dialect: Dialect, keys: readonly RecordKey[]): Promise<(LedgerRecord | null)[]> {
  const lines = await linesOf(sql, keys);
  const records = await withRows(
    sql,
    dialect,
    lines.filter((line) => line !== null),
  );
  const found = new Map(records.map((record) => [`${record.entity}/${record.id}`, record]));
  return keys.map((key) => found.get(`${key.entity}/${key.id}`) ?? null);
}

async function parked(
  sql: Sql,
  filter: { store: Role | null; entity: EntityName | null; limit: number },
): Promise<ParkedRecord[]> {
  const values: Cell[] = [];
  const conditions: string[] = [];
  for (const name of ['store', 'entity'] as const) {
    const value = filter[name];
    if (value === null) continue;
    conditions.push(`${quote(name)} = ?`);
    values.push(value);
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const text = `SELECT * FROM "_parked" ${where} ORDER BY "parked_at", "store", "entity", "id" LIMIT ?`;
  return (await sql.all(text, [...values, filter.limit])).map((cells) => ({
    store: cells.store as Role,
    entity: cells.entity as EntityName,
    id: String(cells.id),
    version: Number(cells.version),
    reason: String(cells.reason),
    parkedAt: String(cells.parked_at),
    attempts: Number(cells.attempts),
  }));
}

async function embeddings(sql: Sql, ids: readonly string[]): Promise<Map<string, EmbeddingRow>> {
  const found = new Map<string, EmbeddingRow>();
  for (const part of chunks(ids)) {
    const list = placeholders(part);
    const text = `SELECT "id", "model", "dimensions", "vector" FROM "embeddings" WHERE "id" IN (${list.text})`;
    for (const cells of await sql.all(text, list.values)) {
      const [id, model, vector] = [String(cells.id), String(cells.model), String(cells.vector)];
      found.set(id, { id, model, dimensions: Number(cells.dimensions), vector });
    }
  }
  return found;
}

async function orphanEmbeddings(sql: Sql, limit: number): Promise<string[]> {
  const found = await sql.all(
    `SELECT e."id" FROM "embeddings" AS e WHERE NOT EXISTS
     (SELECT 1 FROM "_embedding_refs" AS r WHERE r."embedding_id" = e."id") ORDER BY e."id" LIMIT ?`,
    [limit],
  );
  return found.map((cells) => String(cells.id));
}

async function now(sql: Sql, dialect: Dialect): Promise<number> {
  const [row] = await sql.all(`SELECT ${dialect.nowMs} AS "now"`);
  return Number(row?.now);
}

async function statistics(sql: Sql, dialect: Dialect) {
  const [[all], [waiting], [held]] = await Promise.all([
    sql.all('SELECT COUNT(*) AS n FROM "_ledger"'),
    sql.all('SELECT COUNT(*) AS n, MIN("pending_since") AS oldest FROM "_ledger" WHERE "pending_since" IS NOT NULL'),
    sql.all('SELECT COUNT(*) AS n FROM "_parked"'),
  ]);
  const oldest = waiting?.oldest;
  return {
    records: Number(all?.n),
    pending: Number(waiting?.n),
    oldestPendingAt: typeof oldest === 'number' ? oldest : null,
    now: await now(sql, dialect),
    parked: Number(held?.n),
  };
}

/** Keys of what a user has, its own record first. */
export async function keysOfUser(sql: Sql, userId: string): Promise<RecordKey[]> {
  const keys: RecordKey[] = [];
  for (const name of entityNames) {
    const { table, key, owner } = entity(name);
    const column = name === 'user' ? key : owner;
    if (column === undefined) continue;
    const text = `SELECT ${quote(key)} AS "id" FROM ${quote(table)} WHERE ${quote(column)} = ? ORDER BY ${quote(key)}`;
    for (const cells of await sql.all(text, [userId])) keys.push({ entity: name, id: String(cells.id) });
  }
  return keys;
}

/** The line of `_meta` that says how far the bus had got. */
export const publishedName = 'published';

async function published(sql: Sql): Promise<PublishedTo | null> {
  const [found] = await sql.all('SELECT "value" FROM "_meta" WHERE "name" = ?', [publishedName]);
  return found === undefined ? null : (JSON.parse(String(found.value)) as PublishedTo);
}

async function erasures(sql: Sql) {
  const found = await sql.all('SELECT * FROM "_erasures" ORDER BY "started_at", "user_id"');
  return found.map((cells) => ({
    userId: String(cells.user_id),
    startedAt: String(cells.started_at),
    endedAt: cells.ended_at === null ? null : String(cells.ended_at),
  }));
}

/** Ledger reads on connections of their own, two kinds, so that a long scan doesn't hold up capture. */
export function openLedgerReads(place: string, dialect: Dialect): { reads: LedgerReads; close(): Promise<void> } {
  const near = new Snapshots(place, dialect);
  const long = new Snapshots(place, dialect);
  const reads: LedgerReads = {
    now: () => near.readOne((sql) => now(sql, dialect)),
    pending: (limit, bytesMax) => near.read((sql) => pending(sql, dialect, limit, bytesMax)),
    scan: (name, after, limit) => long.read((sql) => scan(sql, dialect, name, after, limit)),
    scanVersions: (name, after, limit) => long.readOne((sql) => scanVersions(sql, name, after, limit)),
    read: (keys) => near.read((sql) => read(sql, dialect, keys)),
    parked: (filter) => near.readOne((sql) => parked(sql, filter)),
    // What an id stands for never changes, so several statements need no common state.
    embeddings: (ids) => near.readOne((sql) => embeddings(sql, ids)),
    orphanEmbeddings: (limit) => long.readOne((sql) => orphanEmbeddings(sql, limit)),
    published: () => near.readOne(published),
    statistics: () => near.read((sql) => statistics(sql, dialect)),
    keysOfUser: (userId) => near.read((sql) => keysOfUser(sql, userId)),
    erasures: () => near.readOne(erasures),
  };
  return {
    reads,
    async close() {
      await Promise.all([near.close(), long.close()]);
    },
  };
}
