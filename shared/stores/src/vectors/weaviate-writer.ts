/**
 * Batches, by a single writer: Weaviate can't compare versions, so what is there is read before anything is written.
 *
 * In which order the two halves of a record are written, so that a crash between them shows, and repeating mends it:
 * - a document: its object with the version on it, in one write; then an older tombstone goes. Between them the object
 *   is newer, and counts.
 * - the same version again, or an object that the index has lost: it goes and comes. Between them the record is missing.
 * - a deletion: the tombstone, then the object goes. Between them the tombstone is newer, and the object beside it a
 *   fault.
 * - the position last: what it says is there.
 */
import type { EntityName } from '@mindora/contracts';
import { assertItem, refusalOf } from '../embedded/index.ts';
import type { ApplyBatch, ApplyItem, ApplyResult } from '../port.ts';
import type { NewObject } from './weaviate-class.ts';
import { objectUuid, toObject } from './weaviate-documents.ts';
import type { WeaviateLedger } from './weaviate-ledger.ts';
import { type ContentClass, type Halves, versionOf, type WeaviateReader } from './weaviate-reader.ts';

export interface WriterParts {
  readonly contents: ReadonlyMap<EntityName, ContentClass>;
  readonly reader: WeaviateReader;
  readonly ledger: WeaviateLedger;
  readonly dimensions: number;
  /** Of so many dimensions, with a direction. */
  readonly anyVector: Float32Array;
  readonly now: () => number;
  /** Told of each record that is written. */
  readonly onWritten: (entity: EntityName, id: string) => void;
}

/** What is to be done with one record: its last item that was taken. */
interface Step {
  readonly item: ApplyItem;
  readonly before: Halves;
  /** Null deletes. */
  readonly object: NewObject | null;
  /** All items of the record that were taken: what becomes of the last becomes of them. */
  readonly indexes: number[];
}

const reasonOfEngine = 'the engine refuses it';

export class WeaviateWriter {
  readonly #parts: WriterParts;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  async apply({ items, positions, mend = false }: ApplyBatch): Promise<ApplyResult[]> {
    const { contents, ledger } = this.#parts;
    const results = new Array<ApplyResult>(items.length);
    for (const content of contents.values()) await this.#applyOf(content, items, { results, mend });
    for (const [i, { entity }] of items.entries()) {
      if (!contents.has(entity)) results[i] = { outcome: 'refused', reason: 'vectors holds no such entity' };
    }
    await ledger.advance(positions);
    return results;
  }

  async #applyOf(
    content: ContentClass,
    items: readonly ApplyItem[],
    { results, mend }: { readonly results: ApplyResult[]; readonly mend: boolean },
  ): Promise<void> {
    const own = [...items.entries()].filter(([, { entity }]) => entity === content.entity);
    if (own.length === 0) return;
    const ids = [...new Set(own.flatMap(([, { id }]) => (id.isWellFormed() ? [id] : [])))];
    const halves = await this.#parts.reader.halves(content, ids, 'versions');
    const held = new Map(halves.map((one) => [one.id, one]));
    const steps = new Map<string, Step>();
    for (const [i, item] of own) results[i] = this.#plan(content, { i, item }, held, steps);
    const refused = await this.#write(content, [...steps.values()], mend);
    for (const i of refused) results[i] = { outcome: 'refused', reason: reasonOfEngine };
  }

  #plan(
    { definition }: ContentClass,
    { i, item }: { readonly i: number; readonly item: ApplyItem },
    held: ReadonlyMap<string, Halves>,
    steps: Map<string, Step>,
  ): ApplyResult {
    const planned = steps.get(item.id);
    const before = held.get(item.id) ?? { id: item.id, object: null, head: null, tombstone: null };
    const version = planned?.item.version ?? versionOf(before);
    if (version > item.version) return { outcome: 'stale', version };
    try {
      assertItem('vectors', item);
      const { document } = item;
      const object = document === null ? null : toObject(definition, this.#parts.dimensions, item, document);
      steps.set(item.id, { item, before, object, indexes: [...(planned?.indexes ?? []), i] });
      return { outcome: 'applied' };
    } catch (error) {
      const reason = refusalOf(error);
      if (reason === null) throw error;
      return { outcome: 'refused', reason };
    }
  }

  /** Indexes of items that the engine refuses. */
  async #write(content: ContentClass, steps: readonly Step[], mend: boolean): Promise<number[]> {
    // Listed before they are written: who scans meanwhile finds a record or finds nothing, but never misses one.
    for (const { item } of steps) this.#parts.onWritten(item.entity, item.id);
    const refused = await this.#writeDocuments(content, steps, mend);
    await this.#writeDeletions(content, steps);
    return refused;
  }

  async #writeDocuments(content: ContentClass, steps: readonly Step[], mend: boolean): Promise<number[]> {
    const old = await this.#damaged(content, steps, mend);
    if (old.length > 0) await content.class.remove(old);
    const fresh = steps.flatMap(({ object, before }) => (object !== null && before.object === null ? [object] : []));
    if (mend) await content.class.erase(fresh.map(({ id }) => id));
    const refused = await content.class.put(steps.flatMap(({ object }) => object ?? []));
    await content.class.ensure(fresh.filter(({ id }) => !refused.has(id)));
    const written = steps.filter(({ object }) => object !== null && !refused.has(object.id));
    const risen = written.filter(({ before }) => before.tombstone !== null).map(({ item }) => item.id);
    if (risen.length > 0) await this.#parts.ledger.unbury(content.entity, risen);
    return steps.flatMap(({ object, indexes }) => (object !== null && refused.has(object.id) ? indexes : []));
  }

  /**
   * Objects to be removed before they are put. Put in place of one with the same vector, an object isn't indexed anew:
   * also where the index has lost it, or lists it without a way to it. The same version again is to mend.
   */
  async #damaged({ class: objects }: ContentClass, steps: readonly Step[], mend: boolean): Promise<string[]> {
    const there = steps.filter(({ object, before }) => object !== null && before.object !== null);
    if (mend) return there.flatMap(({ before }) => before.object?.uuid ?? []);
    const isRepeated = ({ item, before }: Step): boolean => before.head?.version === item.version;
    const changed = there.filter((step) => !isRepeated(step)).flatMap(({ before }) => before.object?.uuid ?? []);
    const known = await objects.indexed(changed, this.#parts.anyVector);
    const uuids = there.filter(isRepeated).flatMap(({ before }) => before.object?.uuid ?? []);
    return [...uuids, ...changed.filter((uuid) => !known.has(uuid))];
  }

  async #writeDeletions(content: ContentClass, steps: readonly Step[]): Promise<void> {
    const deletions = steps.filter(({ object }) => object === null);
    if (deletions.length === 0) return;
    const { ledger, now } = this.#parts;
    await ledger.bury(
      content.entity,
      deletions.map(({ item }) => item),
      now(),
    );
    const gone = deletions.flatMap(({ before }) => before.object?.uuid ?? []);
    if (gone.length > 0) await content.class.remove(gone);
    // What is not seen may be there all the same, and be told by the index.
    const unseen = deletions.filter(({ before }) => before.object === null);
    await content.class.erase(unseen.map(({ item }) => objectUuid(content.entity, item.id)));
  }
}
