import type { DocumentDefinition, Json } from '@mindora/contracts';
import { decodeVector } from '@mindora/contracts';
import {
  type Connection,
  ContentError,
  type EntityTable,
  type Found,
  type PresentItem,
  quoted,
  type Range,
  Statements,
  Table,
  toCell,
  vectorText,
} from '../embedded/index.ts';
import { hasDirection } from './direction.ts';

/** Bytes of vectors in one answer of a scan. */
const rangeBytesMax = 8 * 1024 * 1024;

/** sqlite-vec's own size of a chunk. */
const vectorsPerChunk = 1024;

/** The bytes of a vector as the index wants them. */
export function vectorBytes(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

/**
 * Embeddings: facts in a table, vectors in a sqlite-vec index under the same row number. A vector without a direction
 * (all zeros) lies in the column `unindexed`, because it would spoil the order of the index's answers.
 */
export class VectorTable implements EntityTable {
  readonly name: string;
  readonly index: string;
  readonly #table: Table;
  readonly #connection: Connection;
  readonly #statements: Statements;
  readonly #dimensions: number;
  readonly #indexName: string;

  constructor(connection: Connection, definition: DocumentDefinition, dimensions: number) {
    this.#table = new Table(connection, definition, { omit: ['vector'], extra: { unindexed: 'BLOB' } });
    this.#connection = connection;
    this.#statements = new Statements(connection);
    this.#dimensions = dimensions;
    this.#indexName = `${definition.collection}_index`;
    this.name = this.#table.name;
    this.index = quoted(this.#indexName);
  }

  create(): boolean {
    const wanted = this.#indexText();
    const found = this.#statements
      .get(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`)
      .pluck()
      .get(this.#indexName);
    const dimensionsChanged = found !== undefined && found !== wanted;
    if (dimensionsChanged) this.drop();
    const layoutChanged = this.#table.create();
    if (layoutChanged) this.#connection.exec(`DROP TABLE IF EXISTS ${this.index}`);
    if (found !== wanted || layoutChanged) this.#connection.exec(wanted);
    return dimensionsChanged || layoutChanged;
  }

  drop(): void {
    this.#connection.exec(`DROP TABLE IF EXISTS ${this.index}`);
    this.#table.drop();
  }

  put({ document }: PresentItem): void {
    const text = document.vector ?? null;
    // The table leaves the field out, so it is looked at here.
    toCell('vector', 'vector', text);
    const vector = decodeVector(typeof text === 'string' ? text : '');
    if (vector.length !== this.#dimensions) {
      throw new ContentError(`the vector has ${vector.length} dimensions, the store ${this.#dimensions}`);
    }
    const indexed = hasDirection(vector);
    const id = String(document.id);
    if (!indexed) this.#unindex(id);
    this.#table.put(document, { unindexed: indexed ? null : vectorBytes(vector) });
    if (indexed) this.#index(BigInt(this.#table.rowid(id) ?? 0), vectorBytes(vector));
  }

  remove(id: string): void {
    this.#unindex(id);
    this.#table.remove(id);
  }

  read(id: string): Found | null {
    const row = this.#statements.get(this.#select('id = ?')).get(id);
    return row === undefined ? null : this.#found(row);
  }

  range(after: string | null, limit: number): Range {
    const most = Math.min(limit, Math.max(1, Math.floor(rangeBytesMax / (this.#dimensions * 4))));
    const sql = `${this.#select(after === null ? 'TRUE' : 'id > ?')} ORDER BY id LIMIT ?`;
    const rows = this.#statements.get(sql).all(...(after === null ? [] : [after]), most + 1);
    return { rows: rows.slice(0, most).map((row) => this.#found(row)), end: rows.length <= most };
  }

  ids(after: string | null, limit: number): string[] {
    return this.#table.ids(after, limit);
  }

  /** Room for rows, counted in chunks of the index's own size. Only a chunk that is wholly free is used again. */
  scrub(): void {
    const chunks = this.#count(`${this.#indexName}_chunks`);
    const needed = Math.ceil(this.#count(`${this.#indexName}_rowids`) / vectorsPerChunk);
    if (chunks > needed * 2 + 1) this.#connection.transaction(() => this.#pack()).immediate();
  }

  /** Makes the index anew with the vectors that have a row. */
  #pack(): void {
    this.#connection.exec(`CREATE TEMP TABLE _kept AS SELECT rowid AS number, embedding FROM ${this.index}`);
    this.#connection.exec(`DROP TABLE ${this.index}`);
    this.#connection.exec(this.#indexText());
    this.#connection.exec(`INSERT INTO ${this.index} (rowid, embedding)
      SELECT number, embedding FROM temp._kept WHERE number IN (SELECT _row FROM ${this.name})`);
    this.#connection.exec('DROP TABLE temp._kept');
  }

  #count(table: string): number {
    return this.#statements
      .get(`SELECT count(*) FROM ${quoted(table)}`)
      .pluck()
      .get() as number;
  }

  #indexText(): string {
    return `CREATE VIRTUAL TABLE ${this.index} USING vec0(embedding float[${this.#dimensions}] distance_metric=cosine)`;
  }

  /** In place where there is one: a row that is removed and made again takes new room in the index. */
  #index(row: bigint, bytes: Buffer): void {
    const held = this.#statements.get(`SELECT embedding FROM ${this.index} WHERE rowid = ?`).pluck().get(row);
    if (held === undefined) {
      this.#statements.get(`INSERT INTO ${this.index} (rowid, embedding) VALUES (?, ?)`).run(row, bytes);
    } else if (!bytes.equals(held as Buffer)) {
      this.#statements.get(`UPDATE ${this.index} SET embedding = ? WHERE rowid = ?`).run(bytes, row);
    }
  }

  #unindex(id: string): void {
    const row = this.#table.rowid(id);
    if (row !== null) this.#statements.get(`DELETE FROM ${this.index} WHERE rowid = ?`).run(BigInt(row));
  }

  #select(condition: string): string {
    const indexed = `(SELECT embedding FROM ${this.index} WHERE rowid = _row)`;
    return `SELECT ${this.#table.columns}, coalesce(unindexed, ${indexed}) AS vector FROM ${this.name} WHERE ${condition}`;
  }

  #found(row: unknown): Found {
    const found = this.#table.found(row);
    const bytes = (row as { vector: Buffer | null }).vector;
    const document: Record<string, Json> = { ...found.document, vector: bytes === null ? null : vectorText(bytes) };
    if (bytes === null) return { ...found, document, fault: 'the vector is missing in the index' };
    return { ...found, document };
  }
}
