/**
 * When a store's workers run. Most run always. A special database (A4.4) is filled now and then: its workers consume
 * while somebody holds the schedule open, which the clock does each period, and whoever has to wait for the store.
 * While it is closed nothing is in flight, so that no bus counts a batch as stuck; what comes meanwhile waits on the
 * bus, and should the bus drop it for its bounds, the numbers show it and the store is reconciled (rule 8).
 */
import type { Clock } from '@mindora/runtime';

export interface ScheduleParts {
  readonly clock: Clock;
  /** Null: always open. */
  readonly everyMs: number | null;
  /** Starts the workers. */
  open(): void;
  /** Ends them after the batch they are at. */
  close(): Promise<void>;
  /** Waits until the store has what was committed before. Rejects where sync stops. */
  caughtUp(): Promise<void>;
}

export class Schedule {
  readonly #parts: ScheduleParts;
  #holders = 0;
  #running = false;
  /** Openings and closings one after another: two sets of workers at once would break their order. */
  #turn: Promise<void> = Promise.resolve();
  #cancel: () => void = () => undefined;
  #stopped = false;
  /** When the next period begins, milliseconds since 1970; null where the workers run always. */
  nextAt: number | null = null;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  get everyMs(): number | null {
    return this.#parts.everyMs;
  }

  /** Workers run now. */
  get running(): boolean {
    return this.#running;
  }

  /** Starts; the first period begins at once, so that a store that lacks something need not wait. */
  start(): void {
    const { everyMs, clock } = this.#parts;
    if (everyMs === null) {
      this.hold();
      return;
    }
    const run = (): Promise<void> => {
      this.nextAt = clock.now() + everyMs;
      return this.#run();
    };
    this.#cancel = clock.every(everyMs, run);
    void run();
  }

  /** Keeps the workers running until the returned function is called, which may be more than once. */
  hold(): () => void {
    this.#holders++;
    this.#adjust();
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#holders--;
      this.#adjust();
    };
  }

  async stop(): Promise<void> {
    this.#cancel();
    this.#stopped = true;
    this.#adjust();
    await this.#turn;
  }

  async #run(): Promise<void> {
    const release = this.hold();
    // It rejects only because sync stops, which ends the workers anyway.
    await this.#parts.caughtUp().catch(() => undefined);
    release();
  }

  /** Brings the workers to what the holders want by the time it is its turn. */
  #adjust(): void {
    this.#turn = this.#turn.then(async () => {
      const wanted = this.#holders > 0 && !this.#stopped;
      if (wanted === this.#running) return;
      this.#running = wanted;
      if (wanted) this.#parts.open();
      else await this.#parts.close();
    });
  }
}
