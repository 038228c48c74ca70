import { setTimeout as pause } from 'node:timers/promises';

const pollEveryMs = 50;

/** Tries until it works. @throws what the last try threw, after `deadlineMs` */
export async function untilAnswers<T>(attempt: () => Promise<T>, deadlineMs = 30_000): Promise<T> {
  const endsAt = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > endsAt) throw error;
      await pause(pollEveryMs);
    }
  }
}
