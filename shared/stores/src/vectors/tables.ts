/** Objects in typed columns, and beside them their vectors in sqlite-vec tables with cosine distance. */
import { decodeVector, documentOf, type EntityName, entitiesOf, type Row } from '@mindora/contracts';
import {
  type Connection,
  ContentError,
  type Found,
  type PresentItem,
  quoted,
  type Range,
  type RoleTables,
  Statements,
  vectorText,
} from '../embedded/index.ts';
import { NumberedTable, numberColumn, withFault } from '../embedded/numbered.ts';

const orphansMax = 1_000;
/** The engine's own size of a chunk. */
const vectorsPerChunk = 1024;

/** One class: its objects and the table of their vectors. */
export interface VectorClass {
  readonly rows: NumberedTable;
  /** Quoted. */
  readonly vectors: string;
  readonly vectorsName: string;
}

export class VectorTables implements RoleTables {
  readonly #connection: Connection;
  readonly #statements: Statements;
  readonly #dimensions: number;
  readonly #classes = new Map<EntityName, VectorClass>();

  constructor(connection: Connection, dimensions: number) {
    this.#connection = connection;
    this.#statements = new Statements(connection);
    this.#dimensions = dimensions;
    for (const entity of entitiesOf('vectors')) {
      const definition = { ...documentOf('vectors', entity), indexes: [['userId']] };
      const rows = new NumberedTable(connection, definition, {
        index: 'vector',
        omit: ['vector'],
        complete: (number, found) => this.#withVector(this.class(entity), number, found),
      });
      const vectorsName = `${definition.collection}_vectors`;
      this.#classes.set(entity, { rows, vectors: quoted(vectorsName), vectorsName });
    }
  }

  class(entity: EntityName): VectorClass {
    const found = this.#classes.get(entity);
    if (found === undefined) throw new RangeError('the store holds no such entity');
    return found;
  }

  /** Vectors of another dimension can't be kept: their class is made anew, and sync fills it again. */
  create(): readonly EntityName[] {
    const dropped: EntityName[] = [];
    for (const [entity, one] of this.#classes) {
      const otherLayout = one.rows.table.create();
      const otherDimension = this.#createVectors(one);
      if (!otherLayout && !otherDimension) continue;
      this.#connection.exec(`DELETE FROM ${one.rows.table.name}`);
      this.#connection.exec(`DELETE FROM ${one.vectors}`);
      dropped.push(entity);
    }
    // What was applied is gone, so the places in the log that stand for it are none any more.
    if (dropped.length > 0) this.#connection.exec('DELETE FROM _positions');
    return dropped;
  }

  drop(): void {
    for (const { rows, vectors } of this.#classes.values()) {
      rows.table.drop();
      rows.orphans = [];
      this.#connection.exec(`DROP TABLE IF EXISTS ${vectors}`);
    }
  }

  put({ entity, id, document }: PresentItem): void {
    const one = this.class(entity);
    const bytes = this.#bytesOf(document);
    const number = BigInt(one.rows.put(id, document));
    // An update in place: the engine doesn't use the room of removed vectors again before a whole chunk is free.
    const updated = this.#statements.get(`UPDATE ${one.vectors} SET embedding = ? WHERE rowid = ?`).run(bytes, number);
    if (updated.changes > 0) return;
    this.#statements.get(`INSERT INTO ${one.vectors} (rowid, embedding) VALUES (?, ?)`).run(number, bytes);
  }

  remove(entity: EntityName, id: string): void {
    const one = this.class(entity);
    const number = one.rows.remove(id);
    if (number !== null) this.#statements.get(`DELETE FROM ${one.vectors} WHERE rowid = ?`).run(BigInt(number));
  }

  read(entity: EntityName, id: string): Found | null {
    return this.class(entity).rows.read(id);
  }

  range(entity: EntityName, after: string | null, limit: number): Range {
    return this.class(entity).rows.range(after, limit);
  }

  ids(entity: EntityName, after: string | null, limit: number): string[] {
    return this.class(entity).rows.ids(after, limit);
  }

  refresh(): void {
    for (const { rows, vectors } of this.#classes.values()) {
      const numbers = `SELECT ${quoted(numberColumn)} FROM ${rows.table.name}`;
      const sql = `SELECT rowid FROM ${vectors} WHERE rowid NOT IN (${numbers}) LIMIT ?`;
      rows.orphans = this.#statements.get(sql).pluck().all(orphansMax) as number[];
    }
  }

  /** The engine uses the room of removed vectors again only when a whole chunk is free, so sparse chunks are packed. */
  scrub(): void {
    for (const one of this.#classes.values()) {
      const chunks = this.#count(quoted(`${one.vectorsName}_chunks`));
      const needed = Math.ceil(this.#count(quoted(`${one.vectorsName}_rowids`)) / vectorsPerChunk);
      if (chunks > needed * 2 + 1) this.#connection.transaction(() => this.#pack(one)).immediate();
    }
  }

  #pack({ vectors, vectorsName }: VectorClass): void {
    const kept = `temp.${quoted(`${vectorsName}_kept`)}`;
    this.#connection.exec(`CREATE TABLE ${kept} AS SELECT rowid AS number, embedding FROM ${vectors}`);
    this.#connection.exec(`DROP TABLE ${vectors}`);
    this.#connection.exec(this.#vectorsText(vectors));
    this.#connection.exec(`INSERT INTO ${vectors} (rowid, embedding) SELECT number, embedding FROM ${kept}`);
    this.#connection.exec(`DROP TABLE ${kept}`);
  }

  #count(table: string): number {
    return this.#statements.get(`SELECT count(*) FROM ${table}`).pluck().get() as number;
  }

  #vectorsText(vectors: string): string {
    return `CREATE VIRTUAL TABLE ${vectors} USING vec0(embedding float[${this.#dimensions}] distance_metric=cosine)`;
  }

  /** True where a table of another dimension stood there. */
  #createVectors({ vectors, vectorsName }: VectorClass): boolean {
    const wanted = this.#vectorsText(vectors);
    const found = this.#statements.get('SELECT sql FROM sqlite_schema WHERE name = ?').pluck().get(vectorsName);
    if (found === wanted) return false;
    if (found !== undefined) this.#connection.exec(`DROP TABLE ${vectors}`);
    this.#connection.exec(wanted);
    return found !== undefined;
  }

  #bytesOf(document: Row): Buffer {
    const text = document.vector;
    if (typeof text !== 'string') throw new ContentError('the vector is missing');
    const bytes = Buffer.from(text, 'base64');
    if (bytes.toString('base64') !== text) throw new ContentError('the vector is not base64');
    if (bytes.length !== this.#dimensions * 4) {
      throw new ContentError(`the vector has ${bytes.length / 4} dimensions, the store ${this.#dimensions}`);
    }
    const values = decodeVector(text);
    if (!values.every(Number.isFinite)) throw new ContentError('the vector holds a value that is not finite');
    // Without a direction it has no distance to anything.
    if (values.every((value) => value === 0)) throw new ContentError('the vector is all zeros');
    return bytes;
  }

  #withVector({ vectors }: VectorClass, number: number, found: Found): Found {
    const sql = `SELECT embedding FROM ${vectors} WHERE rowid = ?`;
    const bytes = this.#statements.get(sql).pluck().get(BigInt(number)) as Buffer | undefined;
    const document = { ...found.document, vector: bytes === undefined ? null : vectorText(bytes) };
    return bytes === undefined ? withFault({ ...found, document }, 'the vector is missing') : { ...found, document };
  }
}
