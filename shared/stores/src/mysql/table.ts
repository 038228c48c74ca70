import type { DocumentDefinition, FieldType, Json, Row } from '@mindora/contracts';
import type { Found } from '../embedded/table.ts';
import { assertFields } from '../embedded/values.ts';
import { quote } from '../primary/sql.ts';
import { type Bound, declaredTypes, fromBound, toBound } from './columns.ts';
import type { Session } from './database.ts';

/** A document's values in the order of the table's columns. */
export type BoundRow = readonly Bound[];

/** Rows of one statement: few different statements have to be prepared. */
const rowsAtOnce = 100;
/** Bytes of content in one answer of a scan; a page of large documents ends early. */
const pageBytesMax = 8 * 1024 * 1024;
/** Characters of each text in an index of several columns, which ends at 3,072 bytes. */
const indexedCharacters = 150;

/** One typed table of documents, made from their definition. */
export class Table {
  readonly definition: DocumentDefinition;
  /** Quoted, like {@link key}. */
  readonly name: string;
  readonly key: string;
  readonly #fields: readonly (readonly [string, FieldType])[];

  constructor(definition: DocumentDefinition) {
    this.definition = definition;
    this.name = quote(definition.collection);
    this.key = quote(definition.key);
    this.#fields = Object.entries(definition.fields);
  }

  /** Selects what {@link found} reads. */
  get selection(): string {
    return this.#fields.map(([field]) => quote(field)).join(', ');
  }

  /** Makes what is missing. True where a table of another layout was there and was dropped with its content. */
  async create(session: Session): Promise<'kept' | 'made' | 'replaced'> {
    const there = await this.#layout(session);
    const isReplaced = there.length > 0 && there.join() !== this.#wanted().join();
    if (isReplaced) await this.drop(session);
    const { collation } = session.flavour;
    await session.run(
      `CREATE TABLE IF NOT EXISTS ${this.name} (${[...this.#columns(), ...this.#indexes()].join(', ')})
        ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE ${collation} ROW_FORMAT = DYNAMIC`,
      [],
    );
    if (isReplaced) return 'replaced';
    return there.length > 0 ? 'kept' : 'made';
  }

  async drop(session: Session): Promise<void> {
    await session.run(`DROP TABLE IF EXISTS ${this.name}`, []);
  }

  /** @throws ContentError where the document doesn't fit the definition or the columns can't hold it as it is */
  bind(document: Row): BoundRow {
    assertFields(this.definition, document);
    return this.#fields.map(([field, type]) => toBound(field, type, document[field] ?? null));
  }

  /** Writes documents in place of what is there. */
  async put(session: Session, rows: readonly BoundRow[]): Promise<void> {
    const marks = `(${this.#fields.map(() => '?').join(', ')})`;
    for (let at = 0; at < rows.length; at += rowsAtOnce) {
      const some = rows.slice(at, at + rowsAtOnce);
      const text = `REPLACE INTO ${this.name} (${this.selection}) VALUES ${some.map(() => marks).join(', ')}`;
      await session.run(text, some.flat());
    }
  }

  async remove(session: Session, ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += rowsAtOnce) {
      const some = ids.slice(at, at + rowsAtOnce);
      await session.run(`DELETE FROM ${this.name} WHERE ${this.key} IN (${some.map(() => '?').join()})`, some);
    }
  }

  async read(session: Session, ids: readonly string[]): Promise<Map<string, Found>> {
    const rows: Found[] = [];
    for (let at = 0; at < ids.length; at += rowsAtOnce) {
      const some = ids.slice(at, at + rowsAtOnce);
      const text = `SELECT ${this.selection} FROM ${this.name} WHERE ${this.key} IN (${some.map(() => '?').join()})`;
      rows.push(...(await session.all(text, some)).map((cells) => this.found(cells)));
    }
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** Ids above one, in order, at most `limit`. */
  async ids(session: Session, after: string | null, limit: number): Promise<string[]> {
    const rows = await session.all(`SELECT ${this.key} AS "id" FROM ${this.#above(after)} LIMIT ?`, [
      ...(after === null ? [] : [after]),
      limit,
    ]);
    return rows.map(({ id }) => String(id));
  }

  /** Documents with an id above one, in order; fewer than `limit` where they are large. */
  async range(session: Session, after: string | null, limit: number): Promise<{ rows: Found[]; end: boolean }> {
    const size = this.#fields.map(([field]) => `COALESCE(LENGTH(${quote(field)}), 0)`).join(' + ');
    const from = after === null ? [] : [after];
    const sizes = await session.all(`SELECT ${size} AS "size" FROM ${this.#above(after)} LIMIT ?`, [...from, limit]);
    const count = fitting(sizes.map((row) => Number(row.size)));
    if (count === 0) return { rows: [], end: true };
    const found = await session.all(`SELECT ${this.selection} FROM ${this.#above(after)} LIMIT ?`, [...from, count]);
    return { rows: found.map((cells) => this.found(cells)), end: count === sizes.length && sizes.length < limit };
  }

  /** A row of {@link selection} as its document. */
  found(cells: Readonly<Record<string, unknown>>): Found {
    const document: Record<string, Json> = {};
    const faults: string[] = [];
    for (const [field, type] of this.#fields) {
      const { value, fault } = fromBound(type, cells[field]);
      document[field] = value;
      if (fault) faults.push(`${field} is not a valid ${type}`);
    }
    const id = String(document[this.definition.key]);
    return faults.length === 0 ? { id, document } : { id, document, fault: faults.join('; ') };
  }

  #above(after: string | null): string {
    return `${this.name} ${after === null ? '' : `WHERE ${this.key} > ?`} ORDER BY ${this.key}`;
  }

  #wanted(): string[] {
    return this.#fields.map(
      ([field, type]) => `${field} ${plainType(declaredTypes[type as Exclude<FieldType, 'vector'>])}`,
    );
  }

  async #layout(session: Session): Promise<string[]> {
    const rows = await session.all(
      `SELECT COLUMN_NAME AS "name", COLUMN_TYPE AS "type" FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
      [this.definition.collection],
    );
    return rows.map(({ name, type }) => `${String(name)} ${plainType(String(type))}`);
  }

  #columns(): string[] {
    const columns = this.#fields.map(([field, type]) => {
      const isKey = field === this.definition.key;
      return `${quote(field)} ${declaredTypes[type as Exclude<FieldType, 'vector'>]}${isKey ? ' NOT NULL' : ' NULL'}`;
    });
    return [...columns, `PRIMARY KEY (${this.key})`];
  }

  #indexes(): string[] {
    return (this.definition.indexes ?? []).map((fields) => {
      const parts = fields.map((field) => {
        const isText = this.definition.fields[field] === 'keyword';
        return `${quote(field)}${isText ? `(${indexedCharacters})` : ''}`;
      });
      return `KEY ${quote(`by_${fields.join('_')}`)} (${parts.join(', ')})`;
    });
  }
}

/** Servers print a width for integers or don't. */
function plainType(type: string): string {
  return type.toLowerCase().replace(/^(bigint|tinyint)\(\d+\)/, '$1');
}

/** How many documents of these sizes one answer takes: one at least. */
function fitting(sizes: readonly number[]): number {
  let bytes = 0;
  for (const [i, size] of sizes.entries()) {
    bytes += size;
    if (bytes > pageBytesMax && i > 0) return i;
  }
  return sizes.length;
}
