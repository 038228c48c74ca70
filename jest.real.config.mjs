import config from './jest.config.mjs';

const [unit, engines, e2e] = config.projects;

/**
 * Whole versions on real engines; without the files that are about embedded ones (as backups and their metrics are),
 * bring their own, or are about no engine.
 */
const e2eOn = (bus) => ({
  ...e2e,
  displayName: `e2e on ${bus}`,
  testPathIgnorePatterns: [
    ...e2e.testPathIgnorePatterns,
    '/test/e2e/(backup(-[a-z]+)?|docs-page|faults|files|guide|isolation(-[a-z]+)?|monitoring|versions)\\.test\\.ts$',
  ],
  globals: { testEngines: bus },
  // They share one set of engines, so one file runs after the other.
  runner: '<rootDir>/test/support/serial-runner.mjs',
});

/** What needs real engines (installed and started as they are asked for), beside the conformance of the embedded ones. */
export default {
  ...config,
  testTimeout: 600_000,
  globalSetup: '<rootDir>/test/support/engines-setup.mjs',
  globalTeardown: '<rootDir>/test/support/engines-teardown.mjs',
  projects: [
    engines,
    {
      ...unit,
      displayName: 'real',
      testMatch: ['<rootDir>/**/*.real.test.ts'],
      testPathIgnorePatterns: engines.testPathIgnorePatterns,
      // The project's folder isn't the run's: a worker that gets no engine from the run's setup starts its own.
      testTimeout: 600_000,
    },
    e2eOn('nats'),
    e2eOn('rabbitmq'),
  ],
};
