import config from './jest.config.mjs';

const [unit, engines] = config.projects;

/** What needs real engines (installed and started as they are asked for), beside the conformance of the embedded ones. */
export default {
  ...config,
  testTimeout: 180_000,
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
      testTimeout: 180_000,
    },
  ],
};
