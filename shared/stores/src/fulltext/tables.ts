/** Documents in typed columns, and beside them the index of their text. */
import { type DocumentDefinition, documentOf, type EntityName, entitiesOf } from '@mindora/contracts';
import type { Connection, Found, PresentItem, Range, RoleTables } from '../embedded/index.ts';
import { NumberedTable, numberColumn, withFault } from '../embedded/numbered.ts';
import { type Damage, isCorruption, TextIndex } from './text-index.ts';

const orphansMax = 1_000;

/** One collection with its index, and what the last check found. */
interface Collection {
  readonly rows: NumberedTable;
  readonly index: TextIndex;
  damage: Damage;
}

export class FullTextTables implements RoleTables {
  readonly #collections = new Map<EntityName, Collection>();

  constructor(connection: Connection) {
    for (const entity of entitiesOf('fulltext')) {
      const definition = documentOf('fulltext', entity);
      const rows = new NumberedTable(connection, indexedDefinition(definition), {
        index: 'text index',
        complete: (number, found) => this.#checked(this.collection(entity), number, found),
      });
      this.#collections.set(entity, { rows, index: new TextIndex(connection, definition), damage: null });
    }
  }

  collection(entity: EntityName): Collection {
    const collection = this.#collections.get(entity);
    if (collection === undefined) throw new RangeError('the store holds no such entity');
    return collection;
  }

  /** Whether the last checks found the indexes whole. */
  get whole(): boolean {
    return [...this.#collections.values()].every(({ damage, rows }) => damage === null && rows.orphans.length === 0);
  }

  create(): readonly EntityName[] {
    const dropped: EntityName[] = [];
    for (const [entity, { rows, index }] of this.#collections) {
      if (rows.table.create()) {
        index.drop();
        dropped.push(entity);
      }
      index.create();
    }
    return dropped;
  }

  drop(): void {
    for (const collection of this.#collections.values()) {
      collection.rows.table.drop();
      collection.index.drop();
      collection.damage = null;
      collection.rows.orphans = [];
    }
  }

  put({ entity, id, document }: PresentItem): void {
    const collection = this.collection(entity);
    const number = collection.rows.put(id, document);
    onIndex(collection, number, () => collection.index.put(number, document));
  }

  remove(entity: EntityName, id: string): void {
    const collection = this.collection(entity);
    const number = collection.rows.remove(id);
    if (number !== null) onIndex(collection, number, () => collection.index.remove(number));
  }

  read(entity: EntityName, id: string): Found | null {
    return this.collection(entity).rows.read(id);
  }

  range(entity: EntityName, after: string | null, limit: number): Range {
    return this.collection(entity).rows.range(after, limit);
  }

  ids(entity: EntityName, after: string | null, limit: number): string[] {
    return this.collection(entity).rows.ids(after, limit);
  }

  refresh(): void {
    for (const collection of this.#collections.values()) {
      const { rows, index } = collection;
      collection.damage = index.check(rows.documents());
      // An index that can't be read has no rows to tell of; it is made anew as a whole.
      rows.orphans = collection.damage === 'all' ? [] : index.orphans(rows.table.name, numberColumn, orphansMax);
    }
  }

  scrub(): void {
    for (const { index } of this.#collections.values()) index.optimize();
  }

  #checked(collection: Collection, number: number, found: Found): Found {
    const fault = faultOf(collection, number, found);
    return fault === undefined ? found : withFault(found, fault);
  }
}

function faultOf(collection: Collection, number: number, found: Found): string | undefined {
  if (isDamaged(collection.damage, number)) return 'the text index is damaged';
  try {
    return collection.index.faultOf(number, found.document);
  } catch (error) {
    if (!isCorruption(error)) throw error;
    collection.damage = 'all';
    return 'the text index is damaged';
  }
}

/** Changes an index; where it is known to be damaged there, or turns out to be, it is made anew from the documents. */
function onIndex(collection: Collection, number: number, change: () => void): void {
  try {
    if (!isDamaged(collection.damage, number)) {
      change();
      return;
    }
  } catch (error) {
    if (!isCorruption(error)) throw error;
  }
  collection.index.refill(collection.rows.documents());
  collection.damage = null;
  collection.rows.orphans = [];
}

/** With the indexes that searches by filter and time lean on. */
function indexedDefinition(definition: DocumentDefinition): DocumentDefinition {
  return { ...definition, indexes: [['user_id', 'created_at'], ['created_at']] };
}

function isDamaged(damage: Damage, number: number): boolean {
  return damage === 'all' || damage?.has(number) === true;
}
