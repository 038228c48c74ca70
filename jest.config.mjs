const common = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transformIgnorePatterns: ['/node_modules/'],
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } }],
  },
  testTimeout: 180_000,
};

/** *.real.test.ts need real engines: jest.real.config.mjs runs them. */
const ignored = ['/node_modules/', '<rootDir>/data/'];

/** unit: in process, no engines. engines: conformance suites. e2e: whole running versions. */
export default {
  maxWorkers: 2,
  // A test that failed half-way may leave a thread behind; the run must end all the same.
  forceExit: true,
  // Of the whole run: jest ignores a project's own.
  testTimeout: 180_000,
  reporters: [
    'default',
    '<rootDir>/test/support/conformance-reporter.mjs',
    '<rootDir>/test/support/summary-reporter.mjs',
  ],
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/**/test/**/*.test.ts'],
      testPathIgnorePatterns: [...ignored, '\\.(engines|real)\\.test\\.ts$', '<rootDir>/test/e2e/'],
    },
    {
      ...common,
      displayName: 'engines',
      testMatch: ['<rootDir>/**/*.engines.test.ts'],
      testPathIgnorePatterns: ignored,
    },
    {
      ...common,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
      testPathIgnorePatterns: [...ignored, '\\.real\\.test\\.ts$'],
      testTimeout: 600_000,
    },
  ],
};
