import { batchBytesMax, batchChangesMax, type Change } from '@mindora/contracts';

/** How many of the batches that wait may go together. */
export class GroupSize {
  readonly #max: number;
  /** So many batches still go alone. */
  #alone = 0;

  constructor(batchesMax = 1) {
    this.#max = batchesMax;
  }

  /** Of the group that begins with a batch that is delivered for the so-manieth time. */
  next(deliveries: number): number {
    // It was in a group that ended badly, and any of that group may be to blame.
    if (deliveries > 1) this.#alone = this.#max;
    if (this.#alone === 0) return this.#max;
    this.#alone--;
    return 1;
  }
}

/** Changes of batches that go together, which are never more than one batch may have (rule 7). */
export class Group {
  readonly changes: Change[];
  #bytes: number;

  constructor(changes: readonly Change[], bytes: number) {
    this.changes = [...changes];
    this.#bytes = bytes;
  }

  /** Whether the next batch found room. */
  add(changes: readonly Change[], bytes: number): boolean {
    if (this.changes.length + changes.length > batchChangesMax || this.#bytes + bytes > batchBytesMax) return false;
    this.changes.push(...changes);
    this.#bytes += bytes;
    return true;
  }
}
