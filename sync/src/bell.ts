import type { Clock } from '@mindora/runtime';

/**
 * Wakes who waits for something to have happened. Who takes {@link rings} before it looks, and hands it to
 * {@link wait}, misses nothing that happened between the look and the wait.
 */
export class Bell {
  readonly #waiting = new Set<AbortController>();
  #rings = 0;

  get rings(): number {
    return this.#rings;
  }

  ring(): void {
    this.#rings++;
    for (const waiting of this.#waiting) waiting.abort();
    this.#waiting.clear();
  }

  /** Resolves at the first ring after `seen`, or after `ms`. */
  async wait(clock: Clock, ms: number, seen: number = this.#rings): Promise<void> {
    if (this.#rings !== seen) return;
    const waiting = new AbortController();
    this.#waiting.add(waiting);
    await clock.sleep(ms, waiting.signal);
    this.#waiting.delete(waiting);
  }
}
