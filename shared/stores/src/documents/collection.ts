import type { DocumentDefinition, FieldType, Row } from '@mindora/contracts';
import {
  type Connection,
  ContentError,
  documentCells,
  type EntityTable,
  type Found,
  type PresentItem,
  quoted,
  type Range,
  Statements,
} from '../embedded/index.ts';

/** Characters of content in one answer of a scan. */
const rangeCharactersMax = 8 * 1024 * 1024;

interface Cells {
  readonly id: string;
  readonly json: string;
  /** Read where the document is compared, not where queries have selected by it. */
  readonly expires_at?: number | null;
}

/**
 * One collection: a document a row, as JSON. Fields that queries select by are generated from the JSON and indexed,
 * so they can't disagree with it.
 */
export class Collection implements EntityTable {
  readonly name: string;
  /** Fields of the documents that are columns, too. */
  readonly indexed: ReadonlySet<string>;
  readonly #definition: DocumentDefinition;
  readonly #fields: readonly (readonly [string, FieldType])[];
  readonly #statements: Statements;

  constructor(connection: Connection, definition: DocumentDefinition) {
    this.name = quoted(definition.collection);
    this.#definition = definition;
    this.#fields = Object.entries(definition.fields);
    this.#statements = new Statements(connection);
    const indexed = (definition.indexes ?? []).flat();
    if (definition.fields.created_at !== undefined) indexed.push('created_at');
    this.indexed = new Set(indexed);
  }

  create(): boolean {
    const connection = this.#statements.connection;
    const wanted = this.#createText();
    const found = this.#statements
      .get(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`)
      .pluck()
      .get(this.#definition.collection);
    if (found !== wanted) {
      if (found !== undefined) this.drop();
      connection.exec(wanted);
    }
    for (const index of [...(this.#definition.indexes ?? []), ['created_at']]) {
      const name = quoted(`${this.#definition.collection}_by_${index.join('_')}`);
      const columns = [...index, 'id'].map(quoted).join(', ');
      connection.exec(`CREATE INDEX IF NOT EXISTS ${name} ON ${this.name} (${columns})`);
    }
    return found !== undefined && found !== wanted;
  }

  drop(): void {
    this.#statements.connection.exec(`DROP TABLE IF EXISTS ${this.name}`);
  }

  put({ id, document, expiresAt }: PresentItem): void {
    documentCells(this.#definition, this.#fields, document);
    if (Object.hasOwn(document, '_id')) throw new ContentError('_id is the name of the key');
    const sql = `INSERT INTO ${this.name} (id, json, expires_at) VALUES (?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET json = excluded.json, expires_at = excluded.expires_at`;
    this.#statements.get(sql).run(id, JSON.stringify(document), expiresAt);
  }

  remove(id: string): void {
    this.#statements.get(`DELETE FROM ${this.name} WHERE id = ?`).run(id);
  }

  read(id: string): Found | null {
    const cells = this.#statements.get(`SELECT id, json, expires_at FROM ${this.name} WHERE id = ?`).get(id);
    return cells === undefined ? null : this.found(cells);
  }

  /** A document that has not expired. */
  live(id: string, now: number): Row | null {
    const sql = `SELECT id, json FROM ${this.name} WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)`;
    const cells = this.#statements.get(sql).get(id, now);
    return cells === undefined ? null : this.found(cells).document;
  }

  range(after: string | null, limit: number): Range {
    const condition = after === null ? 'TRUE' : 'id > ?';
    const sql = `SELECT id, json, expires_at FROM ${this.name} WHERE ${condition} ORDER BY id LIMIT ?`;
    const rows: Found[] = [];
    let characters = 0;
    for (const cells of this.#statements.get(sql).iterate(...(after === null ? [] : [after]), limit + 1)) {
      if (rows.length === limit || characters > rangeCharactersMax) return { rows, end: false };
      characters += (cells as Cells).json.length;
      rows.push(this.found(cells));
    }
    return { rows, end: true };
  }

  ids(after: string | null, limit: number): string[] {
    const condition = after === null ? 'TRUE' : 'id > ?';
    const sql = `SELECT id FROM ${this.name} WHERE ${condition} ORDER BY id LIMIT ?`;
    return this.#statements
      .get(sql)
      .pluck()
      .all(...(after === null ? [] : [after]), limit) as string[];
  }

  /** A row with its id and JSON as its document. */
  found(cells: unknown): Found {
    const { id, json, expires_at: expiresAt } = cells as Cells;
    const document = JSON.parse(json) as Row;
    const found = { id, document, ...(expiresAt === undefined ? {} : { expiresAt }) };
    return document[this.#definition.key] === id ? found : { ...found, fault: 'the key is another one' };
  }

  #createText(): string {
    const generated = [...this.indexed].map(
      (field) => `${quoted(field)} ANY GENERATED ALWAYS AS (json_extract(json, '$.${field}')) VIRTUAL`,
    );
    const columns = [
      'id TEXT NOT NULL UNIQUE',
      "json TEXT NOT NULL CHECK (json_valid(json) AND json_type(json) = 'object')",
      'expires_at INTEGER',
    ];
    return `CREATE TABLE ${this.name} (_row INTEGER PRIMARY KEY, ${[...columns, ...generated].join(', ')}) STRICT`;
  }
}
