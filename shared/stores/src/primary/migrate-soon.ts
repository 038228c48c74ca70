/** The first migration of a process, where the server may be away. */
import { type Clock, systemClock, toMindoraError } from '@mindora/runtime';
import type { PrimaryLocation } from './location.ts';
import type { Primary } from './port.ts';

/** How long to wait before the server is tried again. */
const pauseMs = 1000;

/**
 * Migrates now or, where a server is away, as soon as it answers: until then every call is `store_unavailable`, and the
 * rest of the version is up. What is wrong with a file, or with the tables themselves, is thrown.
 *
 * @returns stops trying, and waits for the attempt that runs
 */
export async function migrateSoon(
  primary: Primary,
  location: PrimaryLocation,
  clock: Clock = systemClock(),
): Promise<() => Promise<void>> {
  const isDone = async (): Promise<boolean> => {
    try {
      await primary.migrate();
      return true;
    } catch (thrown) {
      if (location.kind !== 'mysql' || toMindoraError(thrown).code !== 'store_unavailable') throw thrown;
      return false;
    }
  };
  const stop = new AbortController();
  const later = (await isDone()) ? Promise.resolve() : keepTrying(isDone, clock, stop.signal);
  return async () => {
    stop.abort();
    await later;
  };
}

/** What it throws in the end, nobody waits for: the thread dies of it, is started anew, and tells it as its own failure. */
async function keepTrying(isDone: () => Promise<boolean>, clock: Clock, stopped: AbortSignal): Promise<void> {
  do {
    await clock.sleep(pauseMs, stopped);
  } while (!stopped.aborted && !(await isDone()));
}
