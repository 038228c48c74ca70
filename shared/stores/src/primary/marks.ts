/** Waking those who wait for pending records: a number that changes with every commit that marked something. */
import type { Clock } from '@mindora/runtime';

/** Most listeners and waiting calls. */
const waitersMax = 1000;

export class Marks {
  readonly #listeners = new Set<() => void>();
  #value: number;

  /** @param start differs from run to run, so that who waits across a restart sees a change */
  constructor(start: number) {
    this.#value = start;
  }

  raise(): void {
    this.#value++;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls back on every change until the returned function is called. */
  listen(listener: () => void): () => void {
    if (this.#listeners.size >= waitersMax) throw new RangeError('too many listeners for pending records');
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The number, as soon as it isn't `since` any more, or after `timeoutMs`. */
  async next(since: number, timeoutMs: number, clock: Clock): Promise<number> {
    if (this.#value !== since) return this.#value;
    const woken = new AbortController();
    const stop = this.listen(() => woken.abort());
    await clock.sleep(timeoutMs, woken.signal);
    stop();
    return this.#value;
  }
}
