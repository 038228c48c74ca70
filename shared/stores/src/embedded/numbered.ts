/**
 * Documents whose index, in a virtual table beside them, knows them by number: the typed table, the numbers, and the
 * rows of the index that have no document.
 */
import { compareKeys, type DocumentDefinition, type Row } from '@mindora/contracts';
import { type Connection, quoted, Statements } from './database.ts';
import { ContentError } from './errors.ts';
import { type Found, type Range, Table } from './table.ts';

/** The table's own number of a row, which joins it with its row of the index and outlasts the rewriting of the file. */
export const numberColumn = '_row';

/** Adds to a document what lies in the index, and says what contradicts it. */
export type Complete = (number: number, found: Found) => Found;

/** Documents with their numbers. */
export type Numbered = Iterable<{ readonly number: number; readonly document: Row }>;

const pageRows = 100;

export class NumberedTable {
  readonly table: Table;
  /** Rows of the index without a document, as the last refresh found them; scans show them as documents without content. */
  orphans: readonly number[] = [];
  readonly #statements: Statements;
  readonly #complete: Complete;
  readonly #orphanPrefix: string;
  readonly #number = quoted(numberColumn);

  /** `index` names the index to people, e.g. "text index". */
  constructor(
    connection: Connection,
    definition: DocumentDefinition,
    options: { readonly index: string; readonly complete: Complete; readonly omit?: readonly string[] },
  ) {
    this.table = new Table(connection, definition, options.omit === undefined ? {} : { omit: options.omit });
    this.#statements = new Statements(connection);
    this.#complete = options.complete;
    this.#orphanPrefix = `#${options.index.replaceAll(' ', '-')}-row-`;
  }

  /** Writes a document and gives its number, which it keeps until it is removed. */
  put(id: string, document: Row): number {
    this.table.put(document);
    const number = this.table.rowid(id);
    // Whoever applies it under another id than its own would never find it again.
    if (number === null) throw new ContentError('the key of the document is not the id');
    return number;
  }

  /** Removes a document, or an orphan by the id that scans give it. Its number, for the index; null where there is none. */
  remove(id: string): number | null {
    const number = this.table.rowid(id);
    this.table.remove(id);
    if (number !== null) return number;
    const orphan = this.#orphanNumber(id);
    if (orphan === null || this.#isTaken(orphan)) return null;
    this.orphans = this.orphans.filter((other) => other !== orphan);
    return orphan;
  }

  read(id: string): Found | null {
    const found = this.table.read(id);
    if (found !== null) return this.#completed(found);
    const orphan = this.#orphanNumber(id);
    return orphan !== null && this.orphans.includes(orphan) ? this.#orphanFound(orphan) : null;
  }

  range(after: string | null, limit: number): Range {
    const { rows, end } = this.table.range(after, limit);
    const orphans = this.#orphansAfter(after).map((number) => this.#orphanFound(number));
    const merged = mergeById(
      rows.map((found) => this.#completed(found)),
      orphans,
      end,
    );
    return { rows: merged.slice(0, limit), end: end && merged.length <= limit };
  }

  ids(after: string | null, limit: number): string[] {
    const ids = this.table.ids(after, limit).map((id) => ({ id }));
    const orphans = this.#orphansAfter(after).map((number) => ({ id: this.#orphanId(number) }));
    const merged = mergeById(ids, orphans, ids.length < limit);
    return merged.slice(0, limit).map(({ id }) => id);
  }

  /** All documents, as their columns hold them; the index may be written between two of them. */
  *documents(): Generator<{ number: number; document: Row }> {
    const { name, columns } = this.table;
    const sql = `SELECT ${columns}, ${this.#number} AS n FROM ${name} WHERE ${this.#number} > ? ORDER BY n LIMIT ?`;
    let last = Number.MIN_SAFE_INTEGER;
    for (;;) {
      const rows = this.#statements.get(sql).all(last, pageRows) as { n: number }[];
      for (const row of rows) yield { number: row.n, document: this.table.found(row).document };
      if (rows.length < pageRows) return;
      last = rows.at(-1)?.n ?? last;
    }
  }

  #completed(found: Found): Found {
    const number = this.table.rowid(found.id);
    return number === null ? found : this.#complete(number, found);
  }

  #isTaken(number: number): boolean {
    const sql = `SELECT 1 FROM ${this.table.name} WHERE ${this.#number} = ?`;
    return this.#statements.get(sql).get(number) !== undefined;
  }

  #orphanId(number: number): string {
    return `${this.#orphanPrefix}${number}`;
  }

  #orphanNumber(id: string): number | null {
    if (!id.startsWith(this.#orphanPrefix)) return null;
    const number = Number(id.slice(this.#orphanPrefix.length));
    return Number.isSafeInteger(number) ? number : null;
  }

  /** No document, so all of its fields are null: sync never wrote it, and a tombstone for its id removes it. */
  #orphanFound(number: number): Found {
    const { fields, key } = this.table.definition;
    const id = this.#orphanId(number);
    const empty = Object.keys(fields).map((field) => [field, null] as const);
    return {
      id,
      document: { ...Object.fromEntries(empty), [key]: id },
      fault: 'the index has a row without a document',
    };
  }

  #orphansAfter(after: string | null): number[] {
    return this.orphans.filter((number) => after === null || compareKeys(this.#orphanId(number), after) > 0);
  }
}

/** A document with one more fault. */
export function withFault(found: Found, fault: string): Found {
  return { ...found, fault: found.fault === undefined ? fault : `${found.fault}; ${fault}` };
}

/** Both in the order of ids. Where the first was cut off, nothing behind its end may appear yet. */
export function mergeById<T extends { readonly id: string }>(
  rows: readonly T[],
  others: readonly T[],
  end: boolean,
): T[] {
  if (others.length === 0) return [...rows];
  const last = rows.at(-1)?.id ?? '';
  const known = end ? others : others.filter(({ id }) => compareKeys(id, last) < 0);
  return [...rows, ...known].sort((a, b) => compareKeys(a.id, b.id));
}
