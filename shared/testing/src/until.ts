import { setTimeout as pause } from 'node:timers/promises';

const pollEveryMs = 5;

/**
 * Polls until the condition holds and gives its value (anything but false, null and undefined).
 *
 * @throws Error that names the condition and its last value after `deadlineMs`
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  deadlineMs = 10_000,
  what: string | (() => string) = () => condition.toString(),
): Promise<Exclude<T, false | null | undefined>> {
  const endsAt = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value as Exclude<T, false | null | undefined>;
    if (performance.now() > endsAt) {
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : what()} (is ${String(value)})`);
    }
    await pause(pollEveryMs);
  }
}
