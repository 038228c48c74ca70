import type { ApplyBatch, ApplyResult } from '../port.ts';

/** Items of batches that are applied as one. */
const itemsMax = 500;

interface Waiting {
  readonly batch: ApplyBatch;
  readonly resolve: (results: ApplyResult[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Batches of several partitions that wait for the one writer, applied as one: small batches would otherwise wait for
 * one another's requests. They succeed or fail together; whoever sent one that failed sends it again.
 */
export class Together {
  readonly #apply: (batches: () => readonly ApplyBatch[]) => Promise<ApplyResult[][]>;
  #waiting: Waiting[] = [];

  /** @param apply takes its batches when it is its turn */
  constructor(apply: (batches: () => readonly ApplyBatch[]) => Promise<ApplyResult[][]>) {
    this.#apply = apply;
  }

  add(batch: ApplyBatch): Promise<ApplyResult[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      void this.#run();
    });
  }

  /** One turn a batch is asked for; those whose batches went with an earlier turn find nothing left to do. */
  async #run(): Promise<void> {
    let taken: Waiting[] = [];
    try {
      const results = await this.#apply(() => {
        taken = this.#take();
        return taken.map(({ batch }) => batch);
      });
      for (const [index, { resolve }] of taken.entries()) resolve(results[index] ?? []);
    } catch (error) {
      // Refused before its turn came: the oldest that waits is told.
      if (taken.length === 0) taken = this.#waiting.splice(0, 1);
      for (const { reject } of taken) reject(error);
    }
  }

  #take(): Waiting[] {
    let items = 0;
    const count = this.#waiting.findIndex(({ batch }, index) => {
      items += batch.items.length;
      return index > 0 && items > itemsMax;
    });
    return this.#waiting.splice(0, count < 0 ? this.#waiting.length : count);
  }
}
