import type { Role } from '@mindora/contracts';
import { type Clock, MindoraError, toMindoraError } from '@mindora/runtime';
import type { LedgerRecord, Target } from '@mindora/stores';
import type { ComparisonRules } from './compare.ts';
import type { VerifyParts } from './ports.ts';

/** What the steps of checking one store share. */
export interface CheckContext {
  readonly parts: VerifyParts;
  readonly role: Role;
  readonly target: Target;
  readonly rules: ComparisonRules;
  readonly patience: Patience;
}

/**
 * How long a check still waits for what is on its way: each progress renews it. A store that once used it up is not
 * waited for again before it makes progress.
 */
export class Patience {
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #signal: AbortSignal | undefined;
  #deadline: number;
  #usedUp = false;

  constructor(clock: Clock, waitMs: number, signal?: AbortSignal) {
    this.#clock = clock;
    this.#waitMs = waitMs;
    this.#signal = signal;
    this.#deadline = clock.now() + waitMs;
  }

  get over(): boolean {
    return this.#clock.now() >= this.#deadline;
  }

  /** Something is about to be waited for; what happened before doesn't count. */
  begin(): void {
    if (!this.#usedUp) this.renew();
  }

  giveUp(): void {
    this.#usedUp = true;
  }

  renew(): void {
    this.#usedUp = false;
    this.#deadline = this.#clock.now() + this.#waitMs;
  }

  async pause(ms: number): Promise<void> {
    await this.#clock.sleep(ms, this.#signal);
    this.assertWanted();
  }

  /** @throws MindoraError `shutting_down` where the check was broken off */
  assertWanted(): void {
    if (this.#signal?.aborted === true) throw new MindoraError('shutting_down', 'the check was broken off');
  }
}

const attemptsMax = 6;

/** Runs a read again where the store or the primary failed for the moment, e.g. because its thread was restarted. */
export async function persist<T>(patience: Patience, read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (thrown) {
      if (!toMindoraError(thrown).retryable || attempt === attemptsMax) throw thrown;
      await patience.pause(25 * 2 ** attempt);
    }
  }
}

/** The line is marked to be sent to this store. */
export function isPending(line: LedgerRecord | null, role: Role): boolean {
  return line !== null && line.pendingSince !== null && (line.stores === null || line.stores.includes(role));
}
