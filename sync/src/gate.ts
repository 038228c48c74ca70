import type { Clock } from '@mindora/runtime';
import { Bell } from './bell.ts';
import { stopping } from './parts.ts';

const waitMs = 1000;

/** Lets workers through, except while the store is paused or one has it alone (a rebuild). */
export class Gate {
  readonly #clock: Clock;
  readonly #changed = new Bell();
  #inside = 0;
  #closed = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get paused(): boolean {
    return this.#closed > 0;
  }

  /** Runs a step of a worker. @throws MindoraError `shutting_down` where it is stopped while it waits */
  async pass<T>(stop: AbortSignal, step: () => Promise<T>): Promise<T> {
    while (this.#closed > 0 && !stop.aborted) await this.#changed.wait(this.#clock, waitMs);
    if (stop.aborted) throw stopping();
    this.#inside++;
    try {
      return await step();
    } finally {
      this.#inside--;
      this.#changed.ring();
    }
  }

  /** Closes the gate and waits until nobody is inside. Calls of it add up. */
  async close(): Promise<void> {
    this.#closed++;
    while (this.#inside > 0) await this.#changed.wait(this.#clock, waitMs);
  }

  open(): void {
    this.#closed = Math.max(0, this.#closed - 1);
    this.#changed.ring();
  }

  /** Ends all waits, so that they look at their stop signal. */
  wake(): void {
    this.#changed.ring();
  }
}
