import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { timeFromMicros } from '@mindora/contracts';
import { v7 as uuidv7 } from 'uuid';

/**
 * Time and chance as ports (architecture, rule 18): sync, bus and domain code take them from here, so that a
 * simulator can put its own in their place.
 */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Canonical time with microseconds; never the same twice in one process, never going back. */
  timestamp(): string;
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back every `ms` until the returned function is called; a call waits for the one before. */
  every(ms: number, task: () => void | Promise<void>): () => void;
}

export interface Random {
  /** A UUID version 7: its order is the order of creation, to the millisecond. */
  id(): string;
  /** 0 <= x < 1. */
  fraction(): number;
  bytes(length: number): Buffer;
}

/** The machine's clock. */
export function systemClock(): Clock {
  let lastMicros = 0;
  return {
    now: () => Date.now(),
    timestamp() {
      const micros = Math.floor((performance.timeOrigin + performance.now()) * 1000);
      lastMicros = Math.max(micros, lastMicros + 1);
      return timeFromMicros(lastMicros);
    },
    async sleep(ms, signal) {
      // An abort ends the pause early and is no error for the sleeper, who looks at the signal itself.
      await delay(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
        if (signal?.aborted !== true) throw error;
      });
    },
    every(ms, task) {
      let running = false;
      const timer = setInterval(() => {
        if (running) return;
        running = true;
        void Promise.resolve(task()).finally(() => {
          running = false;
        });
      }, ms);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

/** The machine's randomness. */
export function systemRandom(): Random {
  return { id: () => uuidv7(), fraction: () => Math.random(), bytes: (length) => randomBytes(length) };
}

/** Pauses for retrying: doubling from `firstMs` to `maxMs`, each between half and the whole of it (full jitter/2). */
export function backoffMs(attempt: number, random: Random, firstMs = 100, maxMs = 10_000): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 20));
  return ceiling * (0.5 + random.fraction() / 2);
}
