/** The version guard, tombstones, positions and label of one store, beside the content, so that one commit covers both. */
import type { EntityName, RecordKey } from '@mindora/contracts';
import type { ApplyItem, StorePosition } from '../port.ts';
import { keyOf } from '../records/plan.ts';
import type { Session } from './database.ts';

/** Tables and indexes by their names. Only what is missing is made: even `IF NOT EXISTS` waits for whoever writes. */
const parts: Readonly<Record<string, string>> = {
  _applied: `CREATE TABLE _applied (
    entity text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, version bigint NOT NULL, deleted boolean NOT NULL,
    deleted_at bigint, expires_at bigint, owner text COLLATE "C", PRIMARY KEY (entity, id))`,
  _applied_by_deleted_at: `CREATE INDEX _applied_by_deleted_at ON _applied (deleted_at) WHERE deleted_at IS NOT NULL`,
  _applied_by_expires_at: `CREATE INDEX _applied_by_expires_at ON _applied (expires_at) WHERE expires_at IS NOT NULL`,
  _positions: `CREATE TABLE _positions (
    partition integer PRIMARY KEY, incarnation text COLLATE "C" NOT NULL, n bigint NOT NULL)`,
  _meta: 'CREATE TABLE _meta (key text COLLATE "C" PRIMARY KEY, value text COLLATE "C" NOT NULL)',
};

/** The table whose rows tell versions, for those who join it. */
export const linesTable = '_applied';

const texts = {
  put: `INSERT INTO _applied AS held (entity, id, version, deleted, deleted_at, expires_at, owner)
    SELECT e, i, v, d, CASE WHEN d THEN $7::bigint END, x, o
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[], $5::bigint[], $6::text[]) AS item (e, i, v, d, x, o)
    ON CONFLICT (entity, id) DO UPDATE SET version = excluded.version, deleted = excluded.deleted,
      deleted_at = excluded.deleted_at, expires_at = excluded.expires_at, owner = coalesce(excluded.owner, held.owner)
    WHERE held.version <= excluded.version RETURNING entity, id`,
  versions: `SELECT entity, id, version FROM _applied
    WHERE (entity, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
  forgetEntity: 'DELETE FROM _applied WHERE entity = $1',
  holds: 'SELECT EXISTS (SELECT 1 FROM _applied WHERE entity = $1) AS holds',
  // Who is being written now has another time by then.
  forgetExpired: `DELETE FROM _applied WHERE (entity, id) IN (SELECT entity, id FROM _applied
    WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING entity, id`,
  forgetBuried: `DELETE FROM _applied WHERE (entity, id) IN (SELECT entity, id FROM _applied
    WHERE deleted_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING entity, id`,
  positions: 'SELECT incarnation, partition, n FROM _positions ORDER BY partition',
  // A batch that comes again after a crash doesn't take a position back; another incarnation counts anew. In one order,
  // so that two of these don't wait for each other in a circle.
  advance: `INSERT INTO _positions AS held (partition, incarnation, n)
    SELECT p, i, n FROM unnest($1::int[], $2::text[], $3::bigint[]) AS item (p, i, n) ORDER BY p
    ON CONFLICT (partition) DO UPDATE SET incarnation = excluded.incarnation,
      n = CASE WHEN held.incarnation = excluded.incarnation THEN greatest(held.n, excluded.n) ELSE excluded.n END`,
  setPosition: `INSERT INTO _positions (partition, incarnation, n) VALUES ($1, $2, $3)
    ON CONFLICT (partition) DO UPDATE SET incarnation = excluded.incarnation, n = excluded.n`,
  meta: 'SELECT value FROM _meta WHERE key = $1',
  setMeta: `INSERT INTO _meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
  dropMeta: 'DELETE FROM _meta WHERE key = $1',
} as const;

/** What is written of a record whatever its content. */
export type LineItem = Pick<ApplyItem, 'entity' | 'id' | 'version' | 'owner' | 'expiresAt' | 'document'>;

export async function createRegister(session: Session): Promise<void> {
  const sql = 'SELECT name FROM unnest($1::text[]) AS part (name) WHERE to_regclass(name) IS NULL';
  const missing = await session.query<{ name: string }>(sql, [Object.keys(parts)]);
  const names = new Set(missing.map(({ name }) => name));
  for (const [name, text] of Object.entries(parts)) if (names.has(name)) await session.query(text);
}

export async function dropRegister(session: Session): Promise<void> {
  await session.query('DROP TABLE IF EXISTS _applied, _positions, _meta');
}

/**
 * Notes each item whose version is at least the noted one, and holds its line until the commit: whoever writes the same
 * record waits. The keys of those that were noted. No key may occur twice.
 */
export async function putLines(session: Session, items: readonly LineItem[], now: number): Promise<Set<string>> {
  const values = [
    items.map(({ entity }) => entity),
    items.map(({ id }) => id),
    items.map(({ version }) => version),
    items.map(({ document }) => document === null),
    items.map(({ document, expiresAt }) => (document === null ? null : expiresAt)),
    items.map(({ owner }) => owner),
    now,
  ];
  const written = await session.query<RecordKey>(texts.put, values);
  return new Set(written.map(keyOf));
}

/** Noted versions by {@link keyOf}. */
export async function heldVersions(session: Session, keys: readonly RecordKey[]): Promise<Map<string, number>> {
  const values = [keys.map(({ entity }) => entity), keys.map(({ id }) => id)];
  const lines = await session.query<RecordKey & { version: string }>(texts.versions, values);
  return new Map(lines.map((line) => [keyOf(line), Number(line.version)]));
}

/** Whether anything is noted of an entity. */
export async function holdsLines(session: Session, entity: EntityName): Promise<boolean> {
  const [row] = await session.query<{ holds: boolean }>(texts.holds, [entity]);
  return row?.holds === true;
}

export async function forgetEntity(session: Session, entity: EntityName): Promise<void> {
  await session.query(texts.forgetEntity, [entity]);
}

/** Forgets records that expired at `now` or before; which. */
export function forgetExpired(session: Session, now: number, limit: number): Promise<RecordKey[]> {
  return session.query<RecordKey>(texts.forgetExpired, [now, limit]);
}

/** Forgets tombstones of records deleted before a time; which. */
export function forgetBuried(session: Session, before: number, limit: number): Promise<RecordKey[]> {
  return session.query<RecordKey>(texts.forgetBuried, [before, limit]);
}

export async function readPositions(session: Session): Promise<StorePosition[]> {
  const rows = await session.query<{ incarnation: string; partition: number; n: string }>(texts.positions);
  return rows.map(({ incarnation, partition, n }) => ({ incarnation, partition, n: Number(n) }));
}

export async function advance(session: Session, positions: readonly StorePosition[]): Promise<void> {
  if (positions.length === 0) return;
  const column = <K extends keyof StorePosition>(name: K) => positions.map((position) => position[name]);
  await session.query(texts.advance, [column('partition'), column('incarnation'), column('n')]);
}

export async function setPosition(session: Session, { partition, incarnation, n }: StorePosition): Promise<void> {
  await session.query(texts.setPosition, [partition, incarnation, n]);
}

export async function readMeta(session: Session, key: string): Promise<string | null> {
  const [row] = await session.query<{ value: string }>(texts.meta, [key]);
  return row?.value ?? null;
}

/** Keeps a value; null removes it. */
export async function setMeta(session: Session, key: string, value: string | null): Promise<void> {
  if (value === null) await session.query(texts.dropMeta, [key]);
  else await session.query(texts.setMeta, [key, value]);
}
