import type { DocumentDefinition, FieldType, Json, Row } from '@mindora/contracts';
import type { Found } from '../embedded/table.ts';
import { assertFields } from '../embedded/values.ts';
import { type Bound, type ColumnType, columnType, toBound, toParameter } from './columns.ts';
import type { Session } from './database.ts';
import { quoted } from './identifiers.ts';

/** An index besides those of the definition. */
export interface IndexDefinition {
  readonly name: string;
  /** All that follows the table's name: `USING gin (...)`, `(a, b) WHERE c`. Made of identifiers of definitions only. */
  readonly on: string;
}

/** A column of the engine's own, made from the document. */
export interface ExtraColumn {
  readonly name: string;
  readonly type: FieldType;
  readonly of: (document: Row) => Json;
}

export interface TableOptions {
  /** Length of its vectors. */
  readonly dimensions?: number;
  readonly extra?: readonly ExtraColumn[];
  readonly indexes?: readonly IndexDefinition[];
  /** Checks what a document's fields together must be. @throws ContentError */
  readonly check?: (document: Row) => void;
}

interface Column {
  readonly field: string;
  readonly name: string;
  readonly type: FieldType;
  readonly facts: ColumnType;
}

/** A document's values in the order of the table's columns. */
export type BoundRow = readonly Bound[];

const foundColumns = `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, c.collname AS collation,
    a.attnum = ANY (p.indkey) AS key
  FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation
    LEFT JOIN pg_index p ON p.indrelid = a.attrelid AND p.indisprimary
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

interface FoundColumn {
  readonly name: string;
  readonly type: string;
  readonly collation: string | null;
  readonly key: boolean | null;
}

/** One typed table of documents, made from their definition. Texts are compared by their UTF-8 bytes. */
export class Table {
  readonly definition: DocumentDefinition;
  /** Quoted, like {@link key}. */
  readonly name: string;
  readonly key: string;
  readonly #fields: readonly Column[];
  readonly #columns: readonly Column[];
  readonly #options: TableOptions;

  constructor(definition: DocumentDefinition, options: TableOptions = {}) {
    this.definition = definition;
    this.name = quoted(definition.collection);
    this.key = quoted(definition.key);
    this.#options = options;
    const column = (field: string, type: FieldType): Column => {
      return { field, name: quoted(field), type, facts: columnType(type, options.dimensions ?? 0) };
    };
    this.#fields = Object.entries(definition.fields).map(([field, type]) => column(field, type));
    this.#columns = [...this.#fields, ...(options.extra ?? []).map(({ name, type }) => column(name, type))];
  }

  /** Selects what {@link found} reads, of this table under a name. */
  selection(alias: string): string {
    return this.#fields.map(({ name, facts }) => `${facts.select(`${alias}.${name}`)} AS ${name}`).join(', ');
  }

  /** Bytes of a document in an answer, about, of this table under a name. */
  size(alias: string): string {
    return this.#fields.map(({ name, facts }) => `coalesce(${facts.size(`${alias}.${name}`)}, 0)`).join(' + ');
  }

  /**
   * Makes the table and its indexes where they are missing or others. `absent`: there was none; `dropped`: one of
   * another layout was there, and went with its rows.
   */
  async create(session: Session): Promise<'kept' | 'absent' | 'dropped'> {
    const found = await session.query<FoundColumn>(foundColumns, [this.name]);
    const isKept = layoutText(found) === layoutText(this.#wanted());
    if (!isKept) {
      if (found.length > 0) await this.drop(session);
      await session.query(this.#createText());
    }
    await this.index(session);
    if (isKept) return 'kept';
    return found.length > 0 ? 'dropped' : 'absent';
  }

  /** Makes indexes that are missing, and makes anew those that were left half made. Locks nothing where all are there. */
  async index(session: Session): Promise<void> {
    const sql = `SELECT c.relname AS name, i.indisvalid AS valid
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass($1)`;
    const found = await session.query<{ name: string; valid: boolean }>(sql, [this.name]);
    const valid = new Map(found.map((index) => [index.name, index.valid]));
    for (const { name, on } of this.#indexes()) {
      if (valid.get(name) === true) continue;
      if (valid.has(name)) await session.query(`DROP INDEX ${quoted(name)}`);
      await session.query(`CREATE INDEX ${quoted(name)} ON ${this.name} ${on}`);
    }
  }

  async drop(session: Session): Promise<void> {
    await session.query(`DROP TABLE IF EXISTS ${this.name}`);
  }

  /** @throws ContentError where the document doesn't fit the definition or the columns can't hold it as it is */
  bind(document: Row): BoundRow {
    assertFields(this.definition, document);
    const fields = this.#fields.map(({ field, type }) => toBound(field, type, document[field] ?? null));
    this.#options.check?.(document);
    const extra = (this.#options.extra ?? []).map(({ name, type, of }) => toBound(name, type, of(document)));
    return [...fields, ...extra];
  }

  /**
   * Writes documents in place of what is there. No key may occur twice. What is there to the byte is left alone, so that
   * sending records again (rule 8) doesn't write every index anew.
   */
  async put(session: Session, rows: readonly BoundRow[], vectorOid: number): Promise<void> {
    if (rows.length === 0) return;
    const values = this.#columns.map(({ type }, i) => {
      return toParameter(
        type,
        rows.map((row) => row[i] ?? null),
        vectorOid,
      );
    });
    await session.query(this.#putText(), values);
  }

  async remove(session: Session, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await session.query(`DELETE FROM ${this.name} WHERE ${this.key} = ANY ($1::text[])`, [ids]);
  }

  /** A row of {@link selection} as its document. */
  found(row: object): Found {
    const cells = row as Record<string, unknown>;
    const document: Record<string, Json> = {};
    const faults: string[] = [];
    for (const { field, type, facts } of this.#fields) {
      const { value, fault } = facts.decode(cells[field]);
      document[field] = value;
      if (fault) faults.push(`${field} is not a valid ${type}`);
    }
    const id = String(document[this.definition.key]);
    return faults.length === 0 ? { id, document } : { id, document, fault: faults.join('; ') };
  }

  #putText(): string {
    const names = this.#columns.map(({ name }) => name);
    const sent = this.#columns.map(({ facts }, i) => `$${i + 1}::${facts.sent}[]`);
    const cast = this.#columns.map(({ facts }, i) => facts.cast(`c${i}`));
    const sets = names.filter((name) => name !== this.key).map((name) => `${name} = excluded.${name}`);
    return `INSERT INTO ${this.name} AS held (${names.join(', ')}) SELECT ${cast.join(', ')}
      FROM unnest(${sent.join(', ')}) AS item (${names.map((_, i) => `c${i}`).join(', ')})
      ON CONFLICT (${this.key}) DO UPDATE SET ${sets.join(', ')} WHERE held *<> excluded`;
  }

  #createText(): string {
    const columns = this.#columns.map(({ name, facts }) => {
      const collation = facts.collation === null ? '' : ` COLLATE "${facts.collation}"`;
      return `${name} ${facts.declared}${collation}${name === this.key ? ' PRIMARY KEY' : ''}`;
    });
    return `CREATE TABLE ${this.name} (${columns.join(', ')})`;
  }

  #wanted(): FoundColumn[] {
    const unquoted = (name: string) => name.slice(1, -1);
    return this.#columns.map(({ name, facts }) => {
      return { name: unquoted(name), type: facts.declared, collation: facts.collation, key: name === this.key };
    });
  }

  #indexes(): IndexDefinition[] {
    const { collection, indexes = [] } = this.definition;
    const defined = indexes.map((fields) => {
      return { name: `${collection}_by_${fields.join('_')}`, on: `(${fields.map(quoted).join(', ')})` };
    });
    return [...defined, ...(this.#options.indexes ?? [])];
  }
}

function layoutText(columns: readonly FoundColumn[]): string {
  return columns.map(({ name, type, collation, key }) => [name, type, collation, key === true].join('\t')).join('\n');
}
