import type { EntityName } from '@mindora/contracts';
import type { ApplyItem, StorePosition } from '../port.ts';
import type { Connection } from './database.ts';
import { Statements } from './database.ts';

/** What sync wrote of a record: its version, and whether it is a tombstone. */
export interface Line {
  readonly id: string;
  readonly version: number;
  readonly deleted: boolean;
  readonly expiresAt: number | null;
  readonly owner: string | null;
}

interface LineCells {
  readonly id: string;
  readonly version: number;
  readonly deleted: number;
  readonly expires_at: number | null;
  readonly owner: string | null;
}

/** The tables of the version guard. Kept beside the content, so that one commit covers both. */
const tables = [
  `CREATE TABLE IF NOT EXISTS _applied (
    entity TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, deleted INTEGER NOT NULL,
    deleted_at INTEGER, expires_at INTEGER, owner TEXT, PRIMARY KEY (entity, id)) STRICT, WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS _applied_by_deleted_at ON _applied (deleted_at) WHERE deleted_at IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS _applied_by_expires_at ON _applied (expires_at) WHERE expires_at IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS _applied_by_owner ON _applied (owner, entity, id) WHERE owner IS NOT NULL`,
  `CREATE TABLE IF NOT EXISTS _positions (
    partition INTEGER PRIMARY KEY NOT NULL, incarnation TEXT NOT NULL, n INTEGER NOT NULL) STRICT`,
  `CREATE TABLE IF NOT EXISTS _meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT`,
];

const lineColumns = 'id, version, deleted, expires_at, owner';

const texts = {
  line: `SELECT ${lineColumns} FROM _applied WHERE entity = ? AND id = ?`,
  range: `SELECT ${lineColumns} FROM _applied WHERE entity = ? AND id > ? ORDER BY id LIMIT ?`,
  fromStart: `SELECT ${lineColumns} FROM _applied WHERE entity = ? ORDER BY id LIMIT ?`,
  put: `INSERT INTO _applied (entity, id, version, deleted, deleted_at, expires_at, owner) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (entity, id) DO UPDATE SET version = excluded.version, deleted = excluded.deleted,
      deleted_at = excluded.deleted_at, expires_at = excluded.expires_at, owner = coalesce(excluded.owner, owner)`,
  forget: 'DELETE FROM _applied WHERE entity = ? AND id = ?',
  forgetEntity: 'DELETE FROM _applied WHERE entity = ?',
  disown: 'UPDATE _applied SET owner = NULL WHERE owner = ?',
  living: 'SELECT EXISTS (SELECT 1 FROM _applied WHERE owner = ? AND deleted = 0)',
  expired: 'SELECT entity, id, owner FROM _applied WHERE expires_at <= ? LIMIT ?',
  buried: 'SELECT entity, id, owner FROM _applied WHERE deleted_at < ? LIMIT ?',
  positions: 'SELECT incarnation, partition, n FROM _positions ORDER BY partition',
  // A batch that comes again after a crash doesn't take the position back; another incarnation counts anew.
  advance: `INSERT INTO _positions (partition, incarnation, n) VALUES (?, ?, ?)
    ON CONFLICT (partition) DO UPDATE SET incarnation = excluded.incarnation,
      n = CASE WHEN incarnation = excluded.incarnation THEN max(n, excluded.n) ELSE excluded.n END`,
  setPosition: `INSERT INTO _positions (partition, incarnation, n) VALUES (?, ?, ?)
    ON CONFLICT (partition) DO UPDATE SET incarnation = excluded.incarnation, n = excluded.n`,
  meta: 'SELECT value FROM _meta WHERE key = ?',
  setMeta: 'INSERT INTO _meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  dropMeta: 'DELETE FROM _meta WHERE key = ?',
} as const;

/** A record's name with the user whom it belongs to. */
export interface OwnedKey {
  readonly entity: EntityName;
  readonly id: string;
  readonly owner: string | null;
}

/** The version guard, tombstones, positions and label of one store. */
export class Register {
  readonly #connection: Connection;
  readonly #statements: Statements;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#statements = new Statements(connection);
  }

  create(): void {
    for (const table of tables) this.#connection.exec(table);
  }

  clear(): void {
    this.#connection.exec('DELETE FROM _applied; DELETE FROM _positions; DELETE FROM _meta');
  }

  /** A number that changes when another connection has written to the file. */
  foreignChanges(): number {
    return Number(this.#connection.pragma('data_version', { simple: true }));
  }

  line(entity: EntityName, id: string): Line | null {
    const cells = this.#statements.get(texts.line).get(entity, id) as LineCells | undefined;
    return cells === undefined ? null : lineOf(cells);
  }

  /** Lines of an entity with an id above `after`, in the order of ids. */
  range(entity: EntityName, after: string | null, limit: number): Line[] {
    const cells =
      after === null
        ? this.#statements.get(texts.fromStart).all(entity, limit)
        : this.#statements.get(texts.range).all(entity, after, limit);
    return (cells as LineCells[]).map(lineOf);
  }

  put(item: ApplyItem, now: number): void {
    const deleted = item.document === null;
    const { entity, id, version, expiresAt, owner } = item;
    const expires = deleted ? null : expiresAt;
    this.#statements.get(texts.put).run(entity, id, version, Number(deleted), deleted ? now : null, expires, owner);
  }

  forget(entity: EntityName, id: string): void {
    this.#statements.get(texts.forget).run(entity, id);
  }

  forgetEntity(entity: EntityName): void {
    this.#statements.get(texts.forgetEntity).run(entity);
  }

  /** Whether a user has a record that lives. */
  hasLiving(owner: string): boolean {
    return this.#statements.get(texts.living).pluck().get(owner) === 1;
  }

  /** Forgets whose a user's records were. */
  disown(owner: string): void {
    this.#statements.get(texts.disown).run(owner);
  }

  /** Records that expired at `now` or before. */
  expired(now: number, limit: number): OwnedKey[] {
    return this.#statements.get(texts.expired).all(now, limit) as OwnedKey[];
  }

  /** Tombstones of records deleted before a time. */
  buried(before: number, limit: number): OwnedKey[] {
    return this.#statements.get(texts.buried).all(before, limit) as OwnedKey[];
  }

  positions(): StorePosition[] {
    return this.#statements.get(texts.positions).all() as StorePosition[];
  }

  advance({ partition, incarnation, n }: StorePosition): void {
    this.#statements.get(texts.advance).run(partition, incarnation, n);
  }

  setPosition({ partition, incarnation, n }: StorePosition): void {
    this.#statements.get(texts.setPosition).run(partition, incarnation, n);
  }

  meta(key: string): string | null {
    return (this.#statements.get(texts.meta).pluck().get(key) as string | undefined) ?? null;
  }

  /** Keeps a value; null removes it. */
  setMeta(key: string, value: string | null): void {
    if (value === null) this.#statements.get(texts.dropMeta).run(key);
    else this.#statements.get(texts.setMeta).run(key, value);
  }
}

function lineOf(cells: LineCells): Line {
  const { id, version, deleted, expires_at, owner } = cells;
  return { id, version, deleted: deleted === 1, expiresAt: expires_at, owner };
}
