/** Records put together from their two halves: the object, and the tombstone in the ledger. */
import type { DocumentDefinition, EntityName } from '@mindora/contracts';
import { type Line, type Stored, storedRecord } from '../embedded/index.ts';
import type { ScanPage, StoredRecord } from '../port.ts';
import { chunksOf, type ReadObject, type WeaviateClass } from './weaviate-class.ts';
import { type Head, headOf, headProperties, objectUuid, toFound } from './weaviate-documents.ts';
import { strayIdOf, strayUuid } from './weaviate-ids.ts';
import type { Tombstone, WeaviateLedger } from './weaviate-ledger.ts';
import type { IdPage } from './weaviate-window.ts';

/** One entity's objects. */
export interface ContentClass {
  readonly entity: EntityName;
  readonly definition: DocumentDefinition;
  readonly class: WeaviateClass;
}

/** What the engine holds of a record. */
export interface Halves {
  readonly id: string;
  readonly object: ReadObject | null;
  readonly head: Head | null;
  readonly tombstone: Tombstone | null;
}

/**
 * How much is read of records: their versions; with their vectors, by each of which they are looked for in the index; or
 * whole.
 */
export type Depth = 'versions' | 'searched' | 'whole';

interface Look extends Halves {
  /** Why queries don't find it; null where they do, or there is nothing to find. */
  readonly missedBy: string | null;
}

const missed = {
  id: 'no query finds it by its id',
  vector: 'no vector in the index',
  way: 'no way to its vector in the index',
} as const;

const idsPerPage = 2_000;
const recordsPerRead = 200;
/** Characters of content in one answer of a scan; a page of large documents ends early. */
const pageCharactersMax = 8 * 1024 * 1024;

export interface ReaderParts {
  readonly ledger: WeaviateLedger;
  readonly now: () => number;
  /** Of the store's dimensions, with a direction. */
  readonly anyVector: Float32Array;
  /** Runs a task while nobody writes. */
  readonly undisturbed: <T>(task: () => Promise<T>) => Promise<T>;
}

export class WeaviateReader {
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** Both halves of records, in the order of ids. */
  async halves(content: ContentClass, ids: readonly string[], depth: Depth): Promise<Halves[]> {
    const { entity, definition } = content;
    const properties = depth === 'whole' ? null : headProperties(definition);
    const wanted = { properties, vector: depth !== 'versions' };
    const uuids = ids.map((id) => objectUuid(entity, id));
    const strays = ids.flatMap((id) => strayUuid(id) ?? []);
    const [objects, tombstones] = await Promise.all([
      content.class.get([...uuids, ...strays], wanted),
      this.#parts.ledger.tombstones(entity, ids),
    ]);
    return ids.map((id, i) => {
      const object = objects.get(uuids[i] ?? '') ?? strayOf(content, objects, id);
      const head = object === null ? null : headOf(definition, object);
      return { id, object, head, tombstone: tombstones.get(id) ?? null };
    });
  }

  /** As the port tells them; null for the unknown. What a writer may have moved meanwhile is read again without one. */
  async records(content: ContentClass, ids: readonly string[], depth: Depth): Promise<(StoredRecord | null)[]> {
    const looks = await this.#looks(content, ids, depth);
    const doubtful = looks.filter(isDoubtful).map(({ id }) => id);
    const again =
      doubtful.length === 0 ? [] : await this.#parts.undisturbed(() => this.#closeLooks(content, doubtful, depth));
    const sure = new Map(again.map((one) => [one.id, one]));
    return looks.map((one) => this.#record(content, sure.get(one.id) ?? one, depth));
  }

  /** Records as they are, and whether queries find them. */
  async #looks(content: ContentClass, ids: readonly string[], depth: Depth): Promise<Look[]> {
    const halves = await this.halves(content, ids, depth);
    const objects = halves.flatMap(({ object }) => object ?? []);
    const uuids = objects.map(({ uuid }) => uuid);
    const known = uuids.length === 0 ? new Set() : await content.class.indexed(uuids, this.#parts.anyVector);
    const listed = objects.filter(({ uuid }) => known.has(uuid));
    const reached = depth === 'searched' ? await content.class.reachable(listed) : known;
    return halves.map((one) => {
      if (one.object === null) return { ...one, missedBy: null };
      if (!known.has(one.object.uuid)) return { ...one, missedBy: missed.vector };
      return { ...one, missedBy: reached.has(one.object.uuid) ? null : missed.way };
    });
  }

  /** Also finds what the engine keeps and no query finds. */
  async #closeLooks(content: ContentClass, ids: readonly string[], depth: Depth): Promise<Look[]> {
    const looks = await this.#looks(content, ids, depth);
    const uuidOf = ({ id }: Look): string => strayUuid(id) ?? objectUuid(content.entity, id);
    const kept = await content.class.kept(looks.filter(({ object }) => object === null).map(uuidOf));
    return looks.map((one) => {
      const object = kept.get(uuidOf(one));
      return object === undefined
        ? one
        : { ...one, object, head: headOf(content.definition, object), missedBy: missed.id };
    });
  }

  #record({ entity, definition }: ContentClass, look: Look, depth: Depth): StoredRecord | null {
    const { id, object, missedBy } = look;
    const isRead = depth === 'whole' && object !== null && missedBy !== missed.id;
    const found = isRead ? toFound(definition, id, object) : null;
    const present = depth === 'whole' && missedBy !== missed.id ? null : object !== null;
    const stored: Stored = { id, line: lineOf(look), found, present };
    const record = storedRecord(entity, stored, this.#parts.now());
    return record === null || missedBy === null ? record : { ...record, fault: record.fault ?? missedBy };
  }

  /** The records of a page of ids; ends early where they are large. */
  async page(content: ContentClass, { ids, next }: IdPage, depth: Depth): Promise<ScanPage> {
    const records: StoredRecord[] = [];
    let size = 0;
    for (const some of chunksOf(ids, depth === 'versions' ? ids.length : recordsPerRead)) {
      const read = await this.records(content, some, depth);
      for (const record of read) if (record !== null) records.push(record);
      size += sizeOf(read);
      const last = some.at(-1) ?? null;
      if (size > pageCharactersMax && last !== ids.at(-1)) return { records, next: last };
    }
    return { records, next };
  }

  /** Every id of an entity, in the order of UUIDs: those of objects, then those of tombstones. */
  async *ids({ entity, definition, class: objects }: ContentClass): AsyncGenerator<readonly string[]> {
    const wanted = { properties: [definition.key], vector: false };
    for (let after: string | null = null; ; ) {
      const page: readonly ReadObject[] = await objects.page(after, idsPerPage, wanted);
      yield page.map((object) => idOf({ entity, definition }, object));
      if (page.length < idsPerPage) break;
      after = page.at(-1)?.uuid ?? null;
    }
    for (let after: string | null = null; ; ) {
      const page: { ids: string[]; next: string | null } = await this.#parts.ledger.page(entity, after, idsPerPage);
      yield page.ids;
      if (page.next === null) return;
      after = page.next;
    }
  }
}

/** An object that stands where no record's would stand, asked for by its own name. */
function strayOf(content: ContentClass, objects: ReadonlyMap<string, ReadObject>, id: string): ReadObject | null {
  const object = objects.get(strayUuid(id) ?? '');
  return object !== undefined && idOf(content, object) === id ? object : null;
}

/** Whose an object is: its key's, where it stands at this record's place. */
function idOf({ entity, definition }: Pick<ContentClass, 'entity' | 'definition'>, object: ReadObject): string {
  const { key } = headOf(definition, object);
  return key !== null && objectUuid(entity, key) === object.uuid ? key : strayIdOf(object.uuid);
}

/** The newer half tells what sync wrote last. */
function lineOf({ id, head, tombstone }: Halves): Line | null {
  const owner = null;
  const living = head?.version ?? null;
  if (tombstone !== null && tombstone.version >= (living ?? 0)) {
    return { id, version: tombstone.version, deleted: true, expiresAt: null, owner };
  }
  if (living === null) return null;
  return { id, version: living, deleted: false, expiresAt: head?.expiresAt ?? null, owner };
}

/** Version below which nothing is taken any more; 0 where everything is. */
export function versionOf(halves: Halves): number {
  return lineOf(halves)?.version ?? 0;
}

/** A record of which a writer may have moved a half while the other was read. */
function isDoubtful({ object, tombstone, missedBy }: Look): boolean {
  return missedBy !== null || (object === null) === (tombstone === null);
}

function sizeOf(records: readonly (StoredRecord | null)[]): number {
  let size = 0;
  for (const record of records) {
    for (const value of Object.values(record?.document ?? {})) size += typeof value === 'string' ? value.length : 8;
  }
  return size;
}
