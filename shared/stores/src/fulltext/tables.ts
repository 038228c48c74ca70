/** Documents in typed columns, and beside them the index of their text. */
import { type DocumentDefinition, documentOf, type EntityName, entitiesOf, type Row } from '@mindora/contracts';
import {
  type Connection,
  type Found,
  type PresentItem,
  quoted,
  type Range,
  type RoleTables,
  Statements,
  Table,
} from '../embedded/index.ts';
import { type Damage, isCorruption, type Numbered, TextIndex } from './text-index.ts';

/** Joins a document with its row of the index. Not the rowid, which the rewriting of a file may change. */
export const numberColumn = 'index_number';

/** Rows of the index without a document appear in scans under this and their number. */
const orphanPrefix = '#text-index-row-';
const orphansMax = 1_000;

/** One collection with its index, and what the last check found. */
export interface Collection {
  readonly table: Table;
  readonly index: TextIndex;
  damage: Damage;
  orphans: readonly number[];
}

export class FullTextTables implements RoleTables {
  readonly #connection: Connection;
  readonly #statements: Statements;
  readonly #collections = new Map<EntityName, Collection>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#statements = new Statements(connection);
    for (const entity of entitiesOf('fulltext')) {
      const definition = documentOf('fulltext', entity);
      const table = new Table(connection, indexedDefinition(definition), {
        extra: { [numberColumn]: 'INTEGER NOT NULL UNIQUE' },
      });
      this.#collections.set(entity, { table, index: new TextIndex(connection, definition), damage: null, orphans: [] });
    }
  }

  collection(entity: EntityName): Collection {
    const collection = this.#collections.get(entity);
    if (collection === undefined) throw new RangeError('the store holds no such entity');
    return collection;
  }

  /** Whether the last checks found the indexes whole. */
  get whole(): boolean {
    return [...this.#collections.values()].every(({ damage, orphans }) => damage === null && orphans.length === 0);
  }

  create(): readonly EntityName[] {
    const dropped: EntityName[] = [];
    for (const [entity, { table, index }] of this.#collections) {
      if (table.create()) {
        index.drop();
        dropped.push(entity);
      }
      index.create();
    }
    return dropped;
  }

  drop(): void {
    for (const collection of this.#collections.values()) {
      collection.table.drop();
      collection.index.drop();
      collection.damage = null;
      collection.orphans = [];
    }
  }

  put({ entity, id, document }: PresentItem): void {
    const collection = this.collection(entity);
    const number = this.#numberOf(collection, id) ?? this.#freeNumber(collection);
    collection.table.put(document, { [numberColumn]: number });
    this.#onIndex(collection, number, () => collection.index.put(number, document));
  }

  remove(entity: EntityName, id: string): void {
    const collection = this.collection(entity);
    const orphan = orphanNumber(id);
    const number = this.#numberOf(collection, id) ?? orphan;
    collection.table.remove(id);
    if (number === null) return;
    if (number === orphan) {
      if (this.#isTaken(collection, number)) return;
      collection.orphans = collection.orphans.filter((other) => other !== number);
    }
    this.#onIndex(collection, number, () => collection.index.remove(number));
  }

  read(entity: EntityName, id: string): Found | null {
    const collection = this.collection(entity);
    const orphan = orphanNumber(id);
    if (orphan !== null && collection.orphans.includes(orphan)) return orphanFound(collection, orphan);
    const found = collection.table.read(id);
    return found === null ? null : this.#checked(collection, found);
  }

  range(entity: EntityName, after: string | null, limit: number): Range {
    const collection = this.collection(entity);
    const { rows, end } = collection.table.range(after, limit);
    const checked = rows.map((found) => this.#checked(collection, found));
    const orphans = orphansAfter(collection, after).map((number) => orphanFound(collection, number));
    const merged = mergeById(checked, orphans, end);
    return { rows: merged.slice(0, limit), end: end && merged.length <= limit };
  }

  ids(entity: EntityName, after: string | null, limit: number): string[] {
    const collection = this.collection(entity);
    const ids = collection.table.ids(after, limit).map((id) => ({ id }));
    const orphans = orphansAfter(collection, after).map((number) => ({ id: orphanId(number) }));
    return mergeById(ids, orphans, ids.length < limit)
      .slice(0, limit)
      .map(({ id }) => id);
  }

  refresh(): void {
    for (const collection of this.#collections.values()) {
      const { table, index } = collection;
      collection.damage = index.check(this.#numbered(collection));
      // An index that can't be read has no rows to tell of; it is made anew as a whole.
      collection.orphans =
        collection.damage === 'all' ? [] : index.orphans(table.name, quoted(numberColumn), orphansMax);
    }
  }

  scrub(): void {
    for (const { index } of this.#collections.values()) index.optimize();
  }

  /** Changes an index; where it is known to be damaged there, or turns out to be, it is made anew from the documents. */
  #onIndex(collection: Collection, number: number, change: () => void): void {
    try {
      if (!isDamaged(collection.damage, number)) {
        change();
        return;
      }
    } catch (error) {
      if (!isCorruption(error)) throw error;
    }
    collection.index.refill(this.#numbered(collection));
    collection.damage = null;
    collection.orphans = [];
  }

  #checked(collection: Collection, found: Found): Found {
    const number = this.#numberOf(collection, found.id);
    const fault = number === null ? 'the text index lacks the document' : this.#faultOf(collection, number, found);
    return fault === undefined ? found : { ...found, fault: [found.fault, fault].filter(Boolean).join('; ') };
  }

  #faultOf(collection: Collection, number: number, found: Found): string | undefined {
    if (isDamaged(collection.damage, number)) return 'the text index is damaged';
    try {
      return collection.index.faultOf(number, found.document);
    } catch (error) {
      if (!isCorruption(error)) throw error;
      collection.damage = 'all';
      return 'the text index is damaged';
    }
  }

  #numberOf({ table }: Collection, id: string): number | null {
    const key = quoted(table.definition.key);
    const sql = `SELECT ${quoted(numberColumn)} FROM ${table.name} WHERE ${key} = ?`;
    return (this.#statements.get(sql).pluck().get(id) as number | undefined) ?? null;
  }

  #isTaken({ table }: Collection, number: number): boolean {
    const sql = `SELECT 1 FROM ${table.name} WHERE ${quoted(numberColumn)} = ?`;
    return this.#statements.get(sql).get(number) !== undefined;
  }

  #freeNumber({ table }: Collection): number {
    const sql = `SELECT coalesce(max(${quoted(numberColumn)}), 0) + 1 FROM ${table.name}`;
    return this.#statements.get(sql).pluck().get() as number;
  }

  /** All documents, a bounded number at a time: the index is written between them. */
  *#numbered(collection: Collection): Numbered & Generator<{ number: number; document: Row }> {
    const { table } = collection;
    const number = quoted(numberColumn);
    const sql = `SELECT ${table.columns}, ${number} AS n FROM ${table.name} WHERE ${number} > ? ORDER BY ${number} LIMIT 100`;
    let last = Number.MIN_SAFE_INTEGER;
    for (;;) {
      const rows = this.#connection.prepare(sql).all(last) as { n: number }[];
      for (const row of rows) yield { number: row.n, document: table.found(row).document };
      if (rows.length < 100) return;
      last = rows.at(-1)?.n ?? last;
    }
  }
}

/** With the indexes that searches by filter and time lean on. */
function indexedDefinition(definition: DocumentDefinition): DocumentDefinition {
  return { ...definition, indexes: [['user_id', 'created_at'], ['created_at']] };
}

function isDamaged(damage: Damage, number: number): boolean {
  return damage === 'all' || damage?.has(number) === true;
}

function orphanId(number: number): string {
  return `${orphanPrefix}${number}`;
}

function orphanNumber(id: string): number | null {
  return id.startsWith(orphanPrefix) ? Number(id.slice(orphanPrefix.length)) : null;
}

/** No document, so all of its fields are null: sync never wrote it, and a tombstone for its id removes it. */
function orphanFound({ table }: Collection, number: number): Found {
  const fields = Object.keys(table.definition.fields).map((field) => [field, null] as const);
  const id = orphanId(number);
  const document = { ...Object.fromEntries(fields), [table.definition.key]: id };
  return { id, document, fault: 'the text index has a row without a document' };
}

function orphansAfter({ orphans }: Collection, after: string | null): number[] {
  // Their ids are ASCII, so the order of strings is the order of bytes.
  return orphans.filter(
    (number) => after === null || Buffer.compare(Buffer.from(orphanId(number)), Buffer.from(after)) > 0,
  );
}

/** Both in the order of ids. Where the first was cut off, nothing behind its end may appear yet. */
function mergeById<T extends { readonly id: string }>(rows: readonly T[], others: readonly T[], end: boolean): T[] {
  if (others.length === 0) return [...rows];
  const last = Buffer.from(rows.at(-1)?.id ?? '');
  const known = end ? others : others.filter(({ id }) => Buffer.compare(Buffer.from(id), last) < 0);
  return [...rows, ...known].sort((a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)));
}
