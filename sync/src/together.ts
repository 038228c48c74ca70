/**
 * What the workers of one store ask of it at the same time, asked as one (rule 9). Each partition has one batch in
 * flight; where these are small, a commit costs a store more than what it holds. Small batches therefore wait for the one
 * that is under way, and go together; large ones go at once, side by side.
 */
import { toMindoraError } from '@mindora/runtime';
import type { ApplyBatch, ApplyResult, StorePosition, Target } from '@mindora/stores';

/** Items of batches that are applied as one; so many need not wait for others. */
const itemsMax = 500;

interface Waiting {
  readonly batch: ApplyBatch;
  resolve(results: ApplyResult[]): void;
  reject(error: unknown): void;
}

export class Together implements Pick<Target, 'apply' | 'health' | 'positions'> {
  readonly #target: Target;
  #waiting: Waiting[] = [];
  #running = 0;
  #reading: Promise<StorePosition[]> | null = null;
  #next: Promise<StorePosition[]> | null = null;

  constructor(target: Target) {
    this.#target = target;
  }

  /**
   * See {@link Target.apply}. Batches that were applied as one fail as one, unless it is for their content: then each is
   * tried by itself, because only its own fault counts against it.
   */
  apply(batch: ApplyBatch): Promise<ApplyResult[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      this.#start();
    });
  }

  health(): ReturnType<Target['health']> {
    return this.#target.health();
  }

  /** As they are after the call: who comes while they are being read shares the next look. */
  positions(): Promise<StorePosition[]> {
    if (this.#reading === null) return this.#read();
    this.#next ??= this.#reading
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return this.#read();
      });
    return this.#next;
  }

  #read(): Promise<StorePosition[]> {
    const reading = this.#target.positions().finally(() => {
      if (this.#reading === reading) this.#reading = null;
    });
    this.#reading = reading;
    return reading;
  }

  #start(): void {
    while (this.#waiting.length > 0 && (this.#running === 0 || this.#isFull())) void this.#run(this.#take());
  }

  #isFull(): boolean {
    return this.#waiting.reduce((sum, { batch }) => sum + batch.items.length, 0) >= itemsMax;
  }

  #take(): Waiting[] {
    let items = 0;
    const end = this.#waiting.findIndex(({ batch }, index) => {
      items += batch.items.length;
      return index > 0 && items > itemsMax;
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  async #run(group: readonly Waiting[]): Promise<void> {
    this.#running++;
    try {
      await this.#applyGroup(group);
    } finally {
      this.#running--;
      this.#start();
    }
  }

  async #applyGroup(group: readonly Waiting[]): Promise<void> {
    const items = group.flatMap(({ batch }) => batch.items);
    const positions = group.flatMap(({ batch }) => batch.positions);
    const mend = group.some(({ batch }) => batch.mend === true);
    try {
      const results = await this.#target.apply({ items, positions, mend });
      for (const { batch, resolve } of group) resolve(results.splice(0, batch.items.length));
    } catch (thrown) {
      if (group.length > 1 && toMindoraError(thrown).poison) await this.#applyEach(group);
      else for (const { reject } of group) reject(thrown);
    }
  }

  async #applyEach(group: readonly Waiting[]): Promise<void> {
    for (const { batch, resolve, reject } of group) await this.#target.apply(batch).then(resolve, reject);
  }
}
