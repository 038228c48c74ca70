import type { DocumentDefinition, FieldType, Json, Row } from '@mindora/contracts';
import { type Connection, quoted, Statements } from './database.ts';
import { type Cell, columnTypes, documentCells, fromCell } from './values.ts';

/** A document as it lies in the store's own columns. */
export interface Found {
  readonly id: string;
  readonly document: Row;
  /** When queries stop seeing it, where the row itself says so. */
  readonly expiresAt?: number | null;
  /** What of the store's structures contradicts the document. */
  readonly fault?: string;
}

/** Documents in the order of their ids. */
export interface Range {
  readonly rows: readonly Found[];
  /** Nothing follows. False may come with less than was asked for, where the documents are large. */
  readonly end: boolean;
}

export interface TableOptions {
  /** Further columns: name and declaration. Their cells come with each put. */
  readonly extra?: Readonly<Record<string, string>>;
  /** Fields that lie elsewhere; {@link Table.put} leaves them out, documents read back lack them. */
  readonly omit?: readonly string[];
}

/** Characters of content in one answer of a scan; a page of large documents ends early. */
const rangeCharactersMax = 8 * 1024 * 1024;

/** Cells of a further column, or its absence. */
export type ExtraCells = Readonly<Record<string, Cell>>;

/** One typed table of documents, made from their definition. The key is unique and ordered by its UTF-8 bytes. */
export class Table {
  readonly definition: DocumentDefinition;
  readonly name: string;
  readonly #statements: Statements;
  readonly #extra: Readonly<Record<string, string>>;
  readonly #fields: readonly (readonly [string, FieldType])[];
  readonly #columns: string;
  readonly #key: string;

  constructor(connection: Connection, definition: DocumentDefinition, options: TableOptions = {}) {
    this.definition = definition;
    this.name = quoted(definition.collection);
    this.#statements = new Statements(connection);
    this.#extra = options.extra ?? {};
    this.#fields = Object.entries(definition.fields).filter(([field]) => options.omit?.includes(field) !== true);
    this.#columns = this.#fields.map(([field]) => quoted(field)).join(', ');
    this.#key = quoted(definition.key);
  }

  /** The fields that the table holds, as a list of columns. */
  get columns(): string {
    return this.#columns;
  }

  /** Makes the table and its indexes. True where a table of another layout was there and was dropped with its rows. */
  create(): boolean {
    const connection = this.#statements.connection;
    const wanted = this.#createText();
    const found = this.#statements
      .get(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`)
      .pluck()
      .get(this.definition.collection);
    if (found !== wanted) {
      if (found !== undefined) this.drop();
      connection.exec(wanted);
    }
    for (const index of this.definition.indexes ?? []) {
      const name = quoted(`${this.definition.collection}_by_${index.join('_')}`);
      connection.exec(`CREATE INDEX IF NOT EXISTS ${name} ON ${this.name} (${index.map(quoted).join(', ')})`);
    }
    return found !== undefined && found !== wanted;
  }

  drop(): void {
    this.#statements.connection.exec(`DROP TABLE IF EXISTS ${this.name}`);
  }

  /** Writes a document, whole. @throws ContentError where it doesn't fit the definition */
  put(document: Row, extra: ExtraCells = {}): void {
    const names = [...this.#fields.map(([field]) => field), ...Object.keys(this.#extra)].map(quoted);
    // Not INSERT OR REPLACE: an upsert keeps the rowid, to which indexes of roles refer.
    const sets = names.filter((name) => name !== this.#key).map((name) => `${name} = excluded.${name}`);
    const sql = `INSERT INTO ${this.name} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})
      ON CONFLICT (${this.#key}) DO UPDATE SET ${sets.join(', ')}`;
    const cells = documentCells(this.definition, this.#fields, document);
    this.#statements.get(sql).run(...cells, ...Object.keys(this.#extra).map((name) => extra[name] ?? null));
  }

  remove(id: string): void {
    this.#statements.get(`DELETE FROM ${this.name} WHERE ${this.#key} = ?`).run(id);
  }

  /** The number of a document's row (column `_row`), which lasts until it is removed; null where there is none. */
  rowid(id: string): number | null {
    const sql = `SELECT _row FROM ${this.name} WHERE ${this.#key} = ?`;
    return (this.#statements.get(sql).pluck().get(id) as number | undefined) ?? null;
  }

  read(id: string): Found | null {
    const sql = `SELECT ${this.#columns} FROM ${this.name} WHERE ${this.#key} = ?`;
    const cells = this.#statements.get(sql).get(id);
    return cells === undefined ? null : this.found(cells);
  }

  /** Documents with an id above `after`. */
  range(after: string | null, limit: number): Range {
    const sql = `SELECT ${this.#columns} FROM ${this.name} WHERE ${above(this.#key, after)} ORDER BY ${this.#key} LIMIT ?`;
    const rows: Found[] = [];
    let characters = 0;
    for (const cells of this.#statements.get(sql).iterate(...bound(after), limit + 1)) {
      if (rows.length === limit || characters > rangeCharactersMax) return { rows, end: false };
      characters += sizeOf(cells as Record<string, Cell>);
      rows.push(this.found(cells));
    }
    return { rows, end: true };
  }

  /** Only the ids, from the key's index. */
  ids(after: string | null, limit: number): string[] {
    const sql = `SELECT ${this.#key} FROM ${this.name} WHERE ${above(this.#key, after)} ORDER BY ${this.#key} LIMIT ?`;
    return this.#statements
      .get(sql)
      .pluck()
      .all(...bound(after), limit) as string[];
  }

  /** A row of this table's columns, however selected, as its document. */
  found(row: unknown): Found {
    const cells = row as Record<string, Cell>;
    const document: Record<string, Json> = {};
    const faults: string[] = [];
    for (const [field, type] of this.#fields) {
      const { value, fault } = fromCell(type, cells[field] ?? null);
      document[field] = value;
      if (fault) faults.push(`${field} is not a valid ${type}`);
    }
    const id = String(document[this.definition.key]);
    return faults.length === 0 ? { id, document } : { id, document, fault: faults.join('; ') };
  }

  #createText(): string {
    const fields = this.#fields.map(([field, type]) => {
      const key = field === this.definition.key ? ' NOT NULL UNIQUE' : '';
      return `${quoted(field)} ${columnTypes[type]}${key}`;
    });
    const extra = Object.entries(this.#extra).map(([name, declaration]) => `${quoted(name)} ${declaration}`);
    // A named rowid, because VACUUM renumbers the unnamed one and indexes of roles refer to it.
    return `CREATE TABLE ${this.name} (_row INTEGER PRIMARY KEY, ${[...fields, ...extra].join(', ')}) STRICT`;
  }
}

function above(key: string, after: string | null): string {
  return after === null ? 'TRUE' : `${key} > ?`;
}

function bound(after: string | null): string[] {
  return after === null ? [] : [after];
}

function sizeOf(cells: Record<string, Cell>): number {
  let size = 0;
  for (const cell of Object.values(cells)) size += typeof cell === 'object' ? (cell?.length ?? 0) : String(cell).length;
  return size;
}
