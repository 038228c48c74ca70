import type { VerifyReport } from '@mindora/contracts';
import { type Logger, toMindoraError } from '@mindora/runtime';
import { verify } from './index.ts';
import type { VerifyParts } from './ports.ts';

export interface ScheduleOptions {
  readonly everyMs: number;
  readonly repair: boolean;
  readonly waitMs: number;
  readonly log: Logger;
}

export interface ScheduledVerify {
  /** The last report, for metrics; null before the first. */
  last(): VerifyReport | null;
  /** Code of the error that the last run ended with; null where it gave a report. */
  lastError(): string | null;
  /** Breaks off a check that runs, and waits for it. */
  stop(): Promise<void>;
}

/** Checks all stores every `everyMs` (a day: the nightly check that rule 3 asks for), and mends them where `repair` is on. A run waits for the one before. */
export function scheduleVerify(parts: VerifyParts, options: ScheduleOptions): ScheduledVerify {
  const broken = new AbortController();
  let last: VerifyReport | null = null;
  let lastError: string | null = null;
  let running: Promise<void> = Promise.resolve();
  const run = async (): Promise<void> => {
    const { repair, waitMs, log } = options;
    const wanted = { stores: null, entities: null, repair, dryRun: false, waitMs, signal: broken.signal };
    try {
      last = await verify(parts, wanted);
      lastError = null;
      const { agree, took_ms, differences } = last;
      log[agree ? 'info' : 'error']({ agree, took_ms, differences: differences.length }, 'scheduled verify');
    } catch (thrown) {
      lastError = toMindoraError(thrown).code;
      if (!broken.signal.aborted) log.error({ code: lastError }, 'the scheduled verify failed');
    }
  };
  const end = parts.clock.every(options.everyMs, () => {
    running = run();
    return running;
  });
  return {
    last: () => last,
    lastError: () => lastError,
    async stop() {
      end();
      broken.abort();
      await running;
    },
  };
}
