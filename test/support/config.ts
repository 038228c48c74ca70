/** The environment of processes that tests and benches start: this one's, and what is given. */
export function environmentWith(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...more };
}

/** Everything must run: what is missing fails instead of being left out. */
export const isContinuousIntegration = (process.env.CI ?? '') !== '';
