/** Waits until a store has all that was committed before. */
import type { EventBus } from '@mindora/bus';
import type { Role } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import { Bell } from './bell.ts';
import type { Capture } from './capture.ts';
import type { Continuity } from './continuity.ts';
import { stopping } from './parts.ts';

const againMs = 250;

export interface ProgressParts {
  readonly role: Role;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  readonly capture: Capture;
  readonly continuity: Continuity;
}

/** How far one store has come. */
export class Progress {
  readonly #parts: ProgressParts;
  readonly #bell = new Bell();
  readonly #handled = new Map<number, { readonly incarnation: string; readonly n: number }>();

  constructor(parts: ProgressParts) {
    this.#parts = parts;
  }

  /** Something moved: who waits looks again. */
  ring(): void {
    this.#bell.ring();
  }

  /** Batches up to `n` of a partition are done with. */
  handled(partition: number, incarnation: string, n: number): void {
    this.#handled.set(partition, { incarnation, n });
    this.ring();
  }

  /**
   * Resolves when the store has applied (or parked) all that was committed before the call.
   *
   * Published by then, and all batches up to the heads handled. A reconcile between may have set positions ahead of
   * what was applied and touched the rest, so with one between all of it is waited for again.
   *
   * @throws MindoraError `position_timeout`, `shutting_down`
   */
  async caughtUp(deadline: number): Promise<void> {
    const { clock, bus, capture, continuity } = this.#parts;
    for (;;) {
      await this.#isReady(deadline);
      const { epoch } = continuity;
      await capture.drained(deadline);
      const [incarnation, heads] = [await bus.incarnation(), await bus.heads()];
      await this.#reaches(incarnation, heads, deadline);
      if (!continuity.reconciling && continuity.epoch === epoch) return;
      if (clock.now() >= deadline) throw this.#late();
    }
  }

  /** Making it ready is the business of the workers, who do it behind breaker and gate. */
  async #isReady(deadline: number): Promise<void> {
    const { clock, continuity, stop } = this.#parts;
    for (;;) {
      if (stop.aborted) throw stopping();
      const seen = this.#bell.rings;
      if (continuity.trusted) return;
      const leftMs = deadline - clock.now();
      if (leftMs <= 0) throw this.#late();
      await this.#bell.wait(clock, Math.min(againMs, leftMs), seen);
    }
  }

  async #reaches(incarnation: string, heads: readonly number[], deadline: number): Promise<void> {
    const { clock, bus, role, stop } = this.#parts;
    for (;;) {
      if (stop.aborted) throw stopping();
      const seen = this.#bell.rings;
      const lags = await bus.lag(role);
      const missing = lags.filter(({ partition, acknowledged }) => {
        const handled = this.#handled.get(partition);
        const n = handled?.incarnation === incarnation ? Math.max(handled.n, acknowledged) : acknowledged;
        return n < (heads[partition] ?? 0);
      });
      if (missing.length === 0) return;
      const leftMs = deadline - clock.now();
      if (leftMs <= 0) throw this.#late();
      await this.#bell.wait(clock, Math.min(againMs, leftMs), seen);
    }
  }

  #late(): MindoraError {
    const { role } = this.#parts;
    const data = { store: role };
    return new MindoraError('position_timeout', `${role} has not reached the position in time`, { data });
  }
}
