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

interface Look extends Halves {
  readonly isIndexed: boolean;
}

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

  /** Both halves of records, in the order of ids; with `whole` also documents and vectors. */
  async halves(content: ContentClass, ids: readonly string[], whole: boolean): Promise<Halves[]> {
    const { entity, definition } = content;
    const wanted = whole
      ? { properties: null, vector: true }
      : { properties: headProperties(definition), vector: false };
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
  async records(content: ContentClass, ids: readonly string[], whole: boolean): Promise<(StoredRecord | null)[]> {
    const looks = await this.#looks(content, ids, whole);
    const doubtful = looks.filter(isDoubtful).map(({ id }) => id);
    const again =
      doubtful.length === 0 ? [] : await this.#parts.undisturbed(() => this.#looks(content, doubtful, whole));
    const sure = new Map(again.map((one) => [one.id, one]));
    return looks.map((one) => this.#record(content, sure.get(one.id) ?? one, whole));
  }

  /** Records as they are, and whether queries find them. */
  async #looks(content: ContentClass, ids: readonly string[], whole: boolean): Promise<Look[]> {
    const halves = await this.halves(content, ids, whole);
    const uuids = halves.flatMap(({ object }) => object?.uuid ?? []);
    const known = uuids.length === 0 ? new Set() : await content.class.indexed(uuids, this.#parts.anyVector);
    return halves.map((one) => ({ ...one, isIndexed: one.object === null || known.has(one.object.uuid) }));
  }

  #record({ entity, definition }: ContentClass, look: Look, whole: boolean): StoredRecord | null {
    const { id, object } = look;
    const found = whole && object !== null ? toFound(definition, id, object) : null;
    const stored: Stored = { id, line: lineOf(look), found, present: whole ? null : object !== null };
    const record = storedRecord(entity, stored, this.#parts.now());
    return record === null || look.isIndexed ? record : { ...record, fault: record.fault ?? 'no vector in the index' };
  }

  /** The records of a page of ids; ends early where they are large. */
  async page(content: ContentClass, { ids, next }: IdPage, whole: boolean): Promise<ScanPage> {
    const records: StoredRecord[] = [];
    let size = 0;
    for (const some of chunksOf(ids, whole ? recordsPerRead : ids.length)) {
      const read = await this.records(content, some, whole);
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
function isDoubtful({ object, tombstone, isIndexed }: Look): boolean {
  return !isIndexed || (object === null) === (tombstone === null);
}

function sizeOf(records: readonly (StoredRecord | null)[]): number {
  let size = 0;
  for (const record of records) {
    for (const value of Object.values(record?.document ?? {})) size += typeof value === 'string' ? value.length : 8;
  }
  return size;
}
