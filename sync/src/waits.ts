/** Read-your-writes (rule 13): waiting until a store holds what a position names. */
import {
  decodePosition,
  expiresAt,
  type Position,
  type RecordKey,
  type RecordVersion,
  type RetentionPolicy,
  type Role,
  storesOf,
} from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import type { PrimaryLedger, Target } from '@mindora/stores';
import type { Parking } from './parking.ts';
import { nameOf, stopping } from './parts.ts';

export interface WaitParts {
  readonly role: Role;
  readonly target: Target;
  readonly ledger: PrimaryLedger;
  readonly parking: Parking;
  readonly clock: Clock;
  readonly retention: RetentionPolicy;
}

/** Waits of one store at a time; a further one is `overloaded`. */
const waitsMax = 10_000;
/** Without any sign of progress, the store is asked again this often. */
const againMs = 1000;
/** Records asked for at a time: their contents come along. */
const keysAtOnce = 100;
/** Nearly all comes sooner; what doesn't may never come, which only the primary tells. */
const soonMs = 250;

interface Wait {
  /** Records that are still missing, with the versions that are waited for. */
  readonly missing: Map<string, RecordVersion>;
  /** Ends the pause of the waiter. */
  wake: AbortController;
}

/** @throws MindoraError `invalid_position` */
export function readPosition(token: string): Position {
  const position = decodePosition(token);
  if (position === null) throw new MindoraError('invalid_position');
  return position;
}

/** Who waits for records of one store. */
export class Waits {
  readonly #parts: WaitParts;
  readonly #byRecord = new Map<string, Set<Wait>>();
  readonly #looks: Looks;
  #count = 0;
  #stopped = false;

  constructor(parts: WaitParts) {
    this.#parts = parts;
    this.#looks = new Looks(parts.target);
  }

  /** The store holds these versions. Where its queries see them only later, who waits asks it, and that shows them. */
  applied(held: readonly RecordVersion[]): void {
    if (this.#count === 0) return;
    const { seenLater = false } = this.#parts.target.capabilities;
    for (const record of held) {
      const name = nameOf(record);
      for (const wait of this.#byRecord.get(name) ?? []) {
        if ((wait.missing.get(name)?.version ?? Number.POSITIVE_INFINITY) > record.version) continue;
        if (!seenLater) wait.missing.delete(name);
        if (seenLater || wait.missing.size === 0) wait.wake.abort();
      }
    }
  }

  /** Records were parked: who waits for them is told. */
  parked(records: readonly RecordVersion[]): void {
    for (const record of records) for (const wait of this.#byRecord.get(nameOf(record)) ?? []) wait.wake.abort();
  }

  stop(): void {
    this.#stopped = true;
    for (const waits of this.#byRecord.values()) for (const wait of waits) wait.wake.abort();
  }

  /**
   * Resolves when the store holds all records at these versions or newer ones.
   *
   * @throws MindoraError `parked`, `position_timeout`, `overloaded`, `shutting_down`
   */
  async holds(records: readonly RecordVersion[], deadline: number): Promise<void> {
    const relevant = records.filter((record) => storesOf(record.entity).includes(this.#parts.role));
    if (relevant.length === 0) return;
    if (this.#count >= waitsMax) throw new MindoraError('overloaded', 'too many reads wait for this store');
    const missing = new Map(relevant.map((record) => [nameOf(record), record]));
    const wait: Wait = { missing, wake: new AbortController() };
    this.#register(wait, relevant);
    try {
      await this.#await(wait, deadline);
    } finally {
      this.#unregister(wait, relevant);
    }
  }

  async #await(wait: Wait, deadline: number): Promise<void> {
    const { clock, role } = this.#parts;
    const beganAt = clock.now();
    for (;;) {
      // A new signal before the look: what is applied during the look ends the pause after it.
      wait.wake = new AbortController();
      if (this.#stopped) throw stopping();
      if (wait.missing.size === 0) return;
      await this.#look(wait);
      const isLate = clock.now() - beganAt >= soonMs;
      if (isLate && wait.missing.size > 0) await this.#excuse(wait.missing);
      if (wait.missing.size === 0) return;
      this.#refuseParked(wait);
      const leftMs = deadline - clock.now();
      if (leftMs <= 0) {
        const data = { store: role, behind: wait.missing.size, records: [...wait.missing.values()] };
        throw new MindoraError('position_timeout', `${role} has not reached the position in time`, { data });
      }
      await clock.sleep(Math.min(isLate ? againMs : soonMs, leftMs), wait.wake.signal);
    }
  }

  /** Asks the store itself, since it may have held the records before anyone waited for them. */
  async #look({ missing }: Wait): Promise<void> {
    const records = [...missing.values()];
    const versions = await this.#looks.versions(records);
    for (const [index, record] of records.entries()) {
      if ((versions[index] ?? 0) >= record.version) missing.delete(nameOf(record));
    }
  }

  /** What a store has let go of by its retention will not come. */
  async #excuse(missing: Map<string, RecordVersion>): Promise<void> {
    const { role, ledger, clock, retention } = this.#parts;
    if (role !== 'cache' && role !== 'documents') return;
    for (const line of await ledger.read([...missing.values()])) {
      if (line === null || line.row === null) continue;
      const until = expiresAt(role, line.entity, line.row, retention);
      if (until !== null && until <= clock.now()) missing.delete(nameOf(line));
    }
  }

  #refuseParked({ missing }: Wait): void {
    for (const record of missing.values()) {
      const entry = this.#parts.parking.standing(record);
      if (entry === null || entry.version < record.version) continue;
      const { role: store } = this.#parts;
      const data = { store, entity: record.entity, id: record.id, version: entry.version };
      throw new MindoraError('parked', `${store} refused the record and it is parked`, { data });
    }
  }

  #register(wait: Wait, records: readonly RecordVersion[]): void {
    this.#count++;
    for (const record of records) {
      const waits = this.#byRecord.get(nameOf(record)) ?? new Set();
      this.#byRecord.set(nameOf(record), waits.add(wait));
    }
  }

  #unregister(wait: Wait, records: readonly RecordVersion[]): void {
    this.#count--;
    for (const record of records) {
      const waits = this.#byRecord.get(nameOf(record));
      waits?.delete(wait);
      if (waits?.size === 0) this.#byRecord.delete(nameOf(record));
    }
  }
}

interface Asked {
  readonly keys: readonly RecordKey[];
  resolve(versions: number[]): void;
  reject(error: unknown): void;
}

/**
 * Asks a store for versions, once at a time: what is asked meanwhile goes with the next question. A store that is behind
 * would otherwise be kept busy by those who wait for it.
 */
class Looks {
  readonly #target: Target;
  #waiting: Asked[] = [];
  #isAsking = false;

  constructor(target: Target) {
    this.#target = target;
  }

  /** In the order of the keys; 0 where the store has none. */
  versions(keys: readonly RecordKey[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ keys, resolve, reject });
      if (!this.#isAsking) void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    while (this.#waiting.length > 0) {
      const asked = this.#take();
      await this.#versionsOf(asked.flatMap(({ keys }) => keys)).then(
        (versions) => {
          for (const { keys, resolve } of asked) resolve(versions.splice(0, keys.length));
        },
        (error: unknown) => {
          for (const { reject } of asked) reject(error);
        },
      );
    }
    this.#isAsking = false;
  }

  /** A question of at most {@link keysAtOnce}, or the whole of one waiter's. */
  #take(): Asked[] {
    let count = 0;
    const end = this.#waiting.findIndex(({ keys }, index) => {
      count += keys.length;
      return index > 0 && count > keysAtOnce;
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  async #versionsOf(keys: readonly RecordKey[]): Promise<number[]> {
    const stored = await this.#target.get(keys);
    return keys.map((_, index) => stored[index]?.version ?? 0);
  }
}
