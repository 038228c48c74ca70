/** The environment of processes that tests and benches start: this one's, and what is given. */
export function environmentWith(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...more };
}

/** Everything must run: what is missing fails instead of being left out. */
export const isContinuousIntegration = (process.env.CI ?? '') !== '';

/** Which engines the versions of tests run on: embedded ones, or real ones with one of the buses. */
export type TestEngines = 'embedded' | 'nats' | 'rabbitmq';

/** What the jest project says that the tests run in. */
export const testEngines: TestEngines = (globalThis as { testEngines?: TestEngines }).testEngines ?? 'embedded';
