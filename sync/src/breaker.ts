import { backoffMs, type Clock, type Random } from '@mindora/runtime';
import { Bell } from './bell.ts';

export type BreakerState = 'closed' | 'open' | 'half_open';

/** Failures in a row that open a breaker. */
const failuresToOpen = 3;
const pauseMsFirst = 50;
const pauseMsMax = 5000;

/**
 * The breaker of one store, shared by its workers: after a failure all of them pause, and one alone tries whether the
 * store works again. Own code and not a library's, because nothing may be rejected here: who comes to an open breaker
 * waits.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #changed = new Bell();
  #failures = 0;
  #tryAt = 0;
  #probing = false;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  get state(): BreakerState {
    if (this.#failures < failuresToOpen) return 'closed';
    return this.#probing ? 'half_open' : 'open';
  }

  get failures(): number {
    return this.#failures;
  }

  /** Resolves when the caller may try; it then says {@link succeeded} or {@link failed}. At once when aborted. */
  async admit(stop: AbortSignal): Promise<void> {
    while (this.#failures > 0 && !stop.aborted) {
      const seen = this.#changed.rings;
      const pauseMs = this.#tryAt - this.#clock.now();
      if (pauseMs <= 0 && !this.#probing) break;
      await this.#changed.wait(this.#clock, pauseMs > 0 ? pauseMs : pauseMsMax, seen);
    }
    this.#probing = this.#failures > 0;
  }

  succeeded(): void {
    this.#probing = false;
    if (this.#failures === 0) return;
    this.#failures = 0;
    this.#changed.ring();
  }

  failed(): void {
    this.#probing = false;
    this.#tryAt = this.#clock.now() + backoffMs(this.#failures, this.#random, pauseMsFirst, pauseMsMax);
    this.#failures++;
    this.#changed.ring();
  }

  /** Who was admitted gives up without having tried. */
  abandoned(): void {
    this.#probing = false;
    this.#changed.ring();
  }

  /** Ends all pauses. */
  wake(): void {
    this.#changed.ring();
  }
}
