/** What the directory engine knows of its files: one row a version. A row is there only when its file is whole. */
import type { Connection } from '../embedded/database.ts';
import type { ListedObject, ObjectFacts, ObjectVersion } from './port.ts';

const tables = `
  CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS versions (
    n INTEGER PRIMARY KEY, bucket TEXT NOT NULL REFERENCES buckets (name), key TEXT NOT NULL,
    version TEXT NOT NULL UNIQUE, deleted INTEGER NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL,
    content_type TEXT NOT NULL, metadata TEXT NOT NULL, modified_at INTEGER NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS versions_by_key ON versions (bucket, key, n);`;

/** The latest row of a key, where it is no deletion. */
const living = `deleted = 0 AND n = (SELECT max(n) FROM versions AS of_key
  WHERE of_key.bucket = versions.bucket AND of_key.key = versions.key)`;

const texts = {
  addBucket: 'INSERT INTO buckets (name) VALUES (?) ON CONFLICT DO NOTHING',
  buckets: 'SELECT name FROM buckets ORDER BY name',
  hasBucket: 'SELECT 1 FROM buckets WHERE name = ?',
  isEmpty: 'SELECT NOT EXISTS (SELECT 1 FROM versions WHERE bucket = ?)',
  removeBucket: 'DELETE FROM buckets WHERE name = ?',
  add: `INSERT INTO versions (bucket, key, version, deleted, size, sha256, content_type, metadata, modified_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  latest: `SELECT * FROM versions WHERE bucket = ? AND key = ? AND ${living}`,
  one: 'SELECT * FROM versions WHERE bucket = ? AND key = ? AND version = ? AND deleted = 0',
  remove: 'DELETE FROM versions WHERE bucket = ? AND key = ? AND version = ?',
  versions: 'SELECT * FROM versions WHERE bucket = ? AND key = ? ORDER BY n DESC LIMIT ?',
  list: `SELECT key, size, modified_at FROM versions
    WHERE bucket = ? AND key >= ? AND key > ? AND ${living} ORDER BY key`,
  isKnown: 'SELECT 1 FROM versions WHERE version = ?',
} as const;

interface Cells {
  readonly bucket: string;
  readonly key: string;
  readonly version: string;
  readonly deleted: number;
  readonly size: number;
  readonly sha256: string;
  readonly content_type: string;
  readonly metadata: string;
  readonly modified_at: number;
}

export class DirectoryIndex {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.exec(tables);
  }

  addBucket(bucket: string): void {
    this.#prepare(texts.addBucket).run(bucket);
  }

  buckets(): string[] {
    return this.#prepare(texts.buckets).pluck().all() as string[];
  }

  hasBucket(bucket: string): boolean {
    return this.#prepare(texts.hasBucket).get(bucket) !== undefined;
  }

  /** False where it holds something. */
  removeBucket(bucket: string): boolean {
    return this.#connection
      .transaction(() => {
        const isEmpty = this.#prepare(texts.isEmpty).pluck().get(bucket) === 1;
        if (isEmpty) this.#prepare(texts.removeBucket).run(bucket);
        return isEmpty;
      })
      .immediate();
  }

  /** False where the bucket isn't there any more. */
  add(facts: ObjectFacts, deleted: boolean): boolean {
    const { bucket, key, version, size, sha256, contentType, metadata, modifiedAt } = facts;
    const cells = [bucket, key, version, Number(deleted), size, sha256 ?? '', contentType, JSON.stringify(metadata)];
    return this.#connection
      .transaction(() => {
        const isThere = this.hasBucket(bucket);
        if (isThere) this.#prepare(texts.add).run(...cells, modifiedAt);
        return isThere;
      })
      .immediate();
  }

  find(bucket: string, key: string, version: string | undefined): ObjectFacts | null {
    const cells =
      version === undefined
        ? this.#prepare(texts.latest).get(bucket, key)
        : this.#prepare(texts.one).get(bucket, key, version);
    return cells === undefined ? null : factsOf(cells as Cells);
  }

  remove(bucket: string, key: string, version: string): void {
    this.#prepare(texts.remove).run(bucket, key, version);
  }

  versions(bucket: string, key: string, limit: number): ObjectVersion[] {
    const rows = this.#prepare(texts.versions).all(bucket, key, limit) as Cells[];
    return rows.map(({ version, size, modified_at, deleted }, i) => {
      return { version, size, modifiedAt: modified_at, deleted: deleted === 1, latest: i === 0 };
    });
  }

  list(bucket: string, prefix: string, after: string | null, limit: number): ListedObject[] {
    const listed: ListedObject[] = [];
    for (const row of this.#prepare(texts.list).iterate(bucket, prefix, after ?? '')) {
      const { key, size, modified_at } = row as Cells;
      if (!key.startsWith(prefix) || listed.push({ key, size, modifiedAt: modified_at }) === limit) break;
    }
    return listed;
  }

  isKnown(version: string): boolean {
    return this.#prepare(texts.isKnown).get(version) !== undefined;
  }

  #prepare(text: string) {
    return this.#connection.prepare(text);
  }
}

function factsOf(cells: Cells): ObjectFacts {
  const { bucket, key, version, size, sha256, content_type, metadata, modified_at } = cells;
  return {
    bucket,
    key,
    version,
    size,
    sha256,
    contentType: content_type,
    metadata: JSON.parse(metadata) as Record<string, string>,
    modifiedAt: modified_at,
  };
}
