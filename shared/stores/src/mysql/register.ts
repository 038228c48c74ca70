/** The version guard, tombstones, positions and label of one store, beside the content, so that one commit covers both. */
import type { EntityName, RecordKey } from '@mindora/contracts';
import type { Line } from '../embedded/register.ts';
import type { ApplyItem, StorePosition } from '../port.ts';
import { type Cells, chunks } from '../primary/sql.ts';
import { keyOf } from '../records/plan.ts';
import type { Session } from './database.ts';

const tables = [
  `_applied (entity varchar(64) NOT NULL, id varchar(255) NOT NULL, version bigint NOT NULL, deleted tinyint(1) NOT NULL,
    deleted_at bigint NULL, expires_at bigint NULL, owner varchar(255) NULL, PRIMARY KEY (entity, id),
    KEY by_deleted_at (deleted_at), KEY by_expires_at (expires_at))`,
  `_positions (part integer PRIMARY KEY, incarnation varchar(255) NOT NULL, n bigint NOT NULL)`,
  '_meta (name varchar(64) PRIMARY KEY, value longtext NOT NULL)',
];
const names = ['_applied', '_positions', '_meta'];

/** Lines of one statement. */
const linesAtOnce = 100;

const lineColumns = 'id, version, deleted, expires_at, owner';

export async function createRegister(session: Session): Promise<void> {
  const options = `ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE ${session.flavour.collation}`;
  for (const table of tables) await session.run(`CREATE TABLE IF NOT EXISTS ${table} ${options}`, []);
}

export async function emptyRegister(session: Session): Promise<void> {
  for (const name of names) await session.run(`DELETE FROM ${name}`, []);
}

/**
 * Locks the lines of records until the commit, those that aren't there yet too: whoever writes the same record waits.
 * In the order given, so that two appliers don't wait for each other. Versions by {@link keyOf}, 0 for a new line.
 */
export async function lockLines(session: Session, keys: readonly RecordKey[]): Promise<Map<string, number>> {
  const held = new Map<string, number>();
  for (const part of chunks(keys, linesAtOnce)) {
    const values = part.flatMap(({ entity, id }) => [entity, id]);
    // An update of a line by itself locks it as an insert does.
    await session.run(
      `INSERT INTO _applied (entity, id, version, deleted) VALUES ${part.map(() => '(?, ?, 0, 1)').join(', ')}
        ON DUPLICATE KEY UPDATE version = version`,
      values,
    );
    for (const [key, version] of await versionsOf(session, part, ' FOR UPDATE')) held.set(key, version);
  }
  return held;
}

async function versionsOf(session: Session, part: readonly RecordKey[], lock: string): Promise<[string, number][]> {
  const rows = await session.all(
    `SELECT entity, id, version FROM _applied
      WHERE (entity, id) IN (${part.map(() => '(?, ?)').join(', ')})${lock}`,
    part.flatMap(({ entity, id }) => [entity, id]),
  );
  return rows.map((row) => [keyOf(row as unknown as RecordKey), Number(row.version)]);
}

/** Notes items whose lines are locked. The owner of a record that is deleted stays known. */
export async function putLines(session: Session, items: readonly ApplyItem[], now: number): Promise<void> {
  for (const part of chunks(items, linesAtOnce)) {
    const values = part.flatMap(({ entity, id, version, owner, document, expiresAt }) => {
      const isDeleted = document === null;
      return [entity, id, version, isDeleted ? 1 : 0, isDeleted ? now : null, isDeleted ? null : expiresAt, owner];
    });
    await session.run(
      `INSERT INTO _applied (entity, id, version, deleted, deleted_at, expires_at, owner)
        VALUES ${part.map(() => '(?, ?, ?, ?, ?, ?, ?)').join(', ')}
        ON DUPLICATE KEY UPDATE version = VALUES(version), deleted = VALUES(deleted), deleted_at = VALUES(deleted_at),
          expires_at = VALUES(expires_at), owner = COALESCE(VALUES(owner), owner)`,
      values,
    );
  }
}

/** Takes back lines that were made to be locked and of which nothing came. */
export async function dropNewLines(session: Session, keys: readonly RecordKey[]): Promise<void> {
  for (const part of chunks(keys, linesAtOnce)) {
    const marks = part.map(() => '(?, ?)').join(', ');
    const values = part.flatMap(({ entity, id }) => [entity, id]);
    await session.run(`DELETE FROM _applied WHERE version = 0 AND (entity, id) IN (${marks})`, values);
  }
}

function lineOf(row: Cells): Line {
  return {
    id: String(row.id),
    version: Number(row.version),
    deleted: row.deleted === 1,
    expiresAt: row.expires_at === null ? null : Number(row.expires_at),
    owner: row.owner === null ? null : String(row.owner),
  };
}

/** Lines of an entity above an id, in the order of ids. */
export async function readLines(
  session: Session,
  entity: EntityName,
  after: string | null,
  limit: number,
): Promise<Line[]> {
  const text = `SELECT ${lineColumns} FROM _applied WHERE entity = ? AND id > ? ORDER BY id LIMIT ?`;
  return (await session.all(text, [entity, after ?? '', limit])).map(lineOf);
}

/** Lines of records by id. */
export async function linesOf(
  session: Session,
  entity: EntityName,
  ids: readonly string[],
): Promise<Map<string, Line>> {
  const lines = new Map<string, Line>();
  for (const part of chunks(ids, linesAtOnce)) {
    const text = `SELECT ${lineColumns} FROM _applied WHERE entity = ? AND id IN (${part.map(() => '?').join()})`;
    for (const row of await session.all(text, [entity, ...part])) lines.set(String(row.id), lineOf(row));
  }
  return lines;
}

/** Forgets an entity whose content was dropped; whether there was anything. */
export async function forgetEntity(session: Session, entity: EntityName): Promise<boolean> {
  return (await session.run('DELETE FROM _applied WHERE entity = ?', [entity])) > 0;
}

/** Records that expired at `now` or before, or were deleted before a time; their lines are locked. */
export async function ended(session: Session, now: number, deletedBefore: number, limit: number): Promise<RecordKey[]> {
  const rows = await session.all(
    'SELECT entity, id FROM _applied WHERE expires_at <= ? OR deleted_at < ? LIMIT ? FOR UPDATE',
    [now, deletedBefore, limit],
  );
  return rows.map(({ entity, id }) => ({ entity: entity as EntityName, id: String(id) }));
}

export async function forgetLines(session: Session, keys: readonly RecordKey[]): Promise<void> {
  for (const part of chunks(keys, linesAtOnce)) {
    const marks = part.map(() => '(?, ?)').join(', ');
    await session.run(
      `DELETE FROM _applied WHERE (entity, id) IN (${marks})`,
      part.flatMap(({ entity, id }) => [entity, id]),
    );
  }
}

export async function readPositions(session: Session): Promise<StorePosition[]> {
  const rows = await session.all('SELECT part, incarnation, n FROM _positions ORDER BY part', []);
  return rows.map(({ part, incarnation, n }) => {
    return { partition: Number(part), incarnation: String(incarnation), n: Number(n) };
  });
}

/** A batch that comes again after a crash doesn't take a position back; another incarnation counts anew. */
export async function advance(session: Session, positions: readonly StorePosition[]): Promise<void> {
  if (positions.length === 0) return;
  // In one order, so that two of these don't wait for each other in a circle.
  const rows = positions.toSorted((a, b) => a.partition - b.partition);
  await session.run(
    `INSERT INTO _positions (part, incarnation, n) VALUES ${rows.map(() => '(?, ?, ?)').join(', ')}
      ON DUPLICATE KEY UPDATE
      n = IF(incarnation = VALUES(incarnation), GREATEST(n, VALUES(n)), VALUES(n)), incarnation = VALUES(incarnation)`,
    rows.flatMap(({ partition, incarnation, n }) => [partition, incarnation, n]),
  );
}

export async function setPosition(session: Session, { partition, incarnation, n }: StorePosition): Promise<void> {
  await session.run('REPLACE INTO _positions (part, incarnation, n) VALUES (?, ?, ?)', [partition, incarnation, n]);
}

export async function readMeta(session: Session, name: string): Promise<string | null> {
  const [row] = await session.all('SELECT value FROM _meta WHERE name = ?', [name]);
  return row === undefined ? null : String(row.value);
}

/** Keeps a value; null removes it. */
export async function setMeta(session: Session, name: string, value: string | null): Promise<void> {
  if (value === null) await session.run('DELETE FROM _meta WHERE name = ?', [name]);
  else await session.run('REPLACE INTO _meta (name, value) VALUES (?, ?)', [name, value]);
}
