import type { RecordKey, RecordVersion, Role } from '@mindora/contracts';
import type { Logger } from '@mindora/runtime';
import type { PrimaryLedger } from '@mindora/stores';
import { nameOf } from './parts.ts';

/** A record that a store doesn't take, and why: the reason names no content. */
export interface Refusal extends RecordVersion {
  readonly reason: string;
}

/** Why a record is parked while it is applied alone, so that its trace outlives the process (see `isolate.ts`). */
export const diedReason = 'the worker died while applying it';

/** Parked entries that are kept in memory; with more, every batch asks the primary. */
const cachedMax = 10_000;
const reasonLengthMax = 500;

interface Entry {
  readonly version: number;
  readonly reason: string;
  readonly attempts: number;
}

/**
 * What is parked of one store (rule 11). The primary has it; the copy here only spares a write for each batch while
 * nothing is parked.
 */
export class Parking {
  readonly #role: Role;
  readonly #ledger: PrimaryLedger;
  readonly #log: Logger;
  readonly #entries = new Map<string, Entry>();
  /** There may be entries that the copy doesn't know. */
  #partial = true;

  constructor(role: Role, ledger: PrimaryLedger, log: Logger) {
    this.#role = role;
    this.#ledger = ledger;
    this.#log = log;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Reads what is parked; called before the first batch, and when others may have changed it. */
  async load(): Promise<void> {
    const parked = await this.#ledger.parked({ store: this.#role, entity: null, limit: cachedMax });
    this.#entries.clear();
    for (const record of parked) this.#entries.set(nameOf(record), record);
    this.#partial = parked.length >= cachedMax;
  }

  find(key: RecordKey): Entry | null {
    return this.#entries.get(nameOf(key)) ?? null;
  }

  /** An entry that stands; not one that is only the trace of a record being tried (see `isolate.ts`). */
  standing(key: RecordKey): Entry | null {
    const entry = this.find(key);
    return entry === null || (entry.reason === diedReason && entry.attempts < 2) ? null : entry;
  }

  /** Parks records. The primary has them when this resolves: only then may their batch be acknowledged. */
  async park(refusals: readonly Refusal[]): Promise<void> {
    if (refusals.length === 0) return;
    const records = refusals.map(({ entity, id, version, reason }) => {
      return { store: this.#role, entity, id, version, reason: reason.slice(0, reasonLengthMax) };
    });
    await this.#ledger.park(records);
    for (const record of records) {
      const attempts = (this.find(record)?.attempts ?? 0) + 1;
      if (this.#entries.size < cachedMax) this.#entries.set(nameOf(record), { ...record, attempts });
      else this.#partial = true;
      if (record.reason !== diedReason) this.#warn(record);
    }
  }

  /** Forgets entries of records that the store now holds at these versions or newer ones. */
  async unpark(held: readonly RecordVersion[]): Promise<void> {
    const cleared = this.#partial ? held : held.filter((record) => this.#isParkedUpTo(record));
    if (cleared.length === 0) return;
    await this.#ledger.unpark(this.#role, cleared);
    for (const record of cleared) if (this.#isParkedUpTo(record)) this.#entries.delete(nameOf(record));
  }

  #isParkedUpTo(record: RecordVersion): boolean {
    const entry = this.find(record);
    return entry !== null && entry.version <= record.version;
  }

  #warn({ entity, id, version, reason }: Refusal): void {
    this.#log.warn({ store: this.#role, entity, id, recordVersion: version, reason }, 'record parked');
  }
}
