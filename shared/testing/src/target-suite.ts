import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Role } from '@mindora/contracts';
import { type TargetCase, TargetContext } from './target/context.ts';
import type { TargetDriver, TargetFacts, TargetFeatures } from './target/driver.ts';
import { batchCases } from './target-cases/batches.ts';
import { hardshipCases } from './target-cases/hardship.ts';
import { lifecycleCases } from './target-cases/lifecycle.ts';
import { positionCases } from './target-cases/positions.ts';
import { scanCases } from './target-cases/scans.ts';
import { valueCases } from './target-cases/values.ts';
import { versionCases } from './target-cases/versions.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temporary.ts';

export type { TargetDriver, TargetFeatures } from './target/driver.ts';

/** All cases, for whoever runs them outside of the suite. */
export const targetCases: readonly TargetCase[] = [
  ...versionCases,
  ...batchCases,
  ...positionCases,
  ...scanCases,
  ...valueCases,
  ...lifecycleCases,
  ...hardshipCases,
];

/** Cases that an engine must really run, whatever it may skip. */
const casesRunMin = 40;

/**
 * Holds an engine of a store to the port `Target` (architecture, section 4; rules 8, 10, 11, 14, 16). A case that the
 * engine's declared features excuse stands in the report as skipped, with the reason; the reporter
 * `test/support/conformance-reporter.mjs` makes the table from the names.
 */
export function testTarget(role: Role, name: string, driver: TargetDriver, features: TargetFeatures): void {
  const facts: TargetFacts = { ...features, role, driver };
  describe(`target: ${name}`, () => {
    let directory: TemporaryDirectory;
    let context: TargetContext;
    beforeEach(async () => {
      directory = await temporaryDirectory();
      context = new TargetContext(facts, directory.path);
    });
    afterEach(async () => {
      await context.close();
      await directory.remove();
    });

    const required = targetCases.filter(({ skip }) => (skip?.(facts) ?? null) === null);
    for (const { name: caseName, skip, run } of targetCases) {
      const reason = skip?.(facts) ?? null;
      // Excused by name, not by the runner's own skip: the reason belongs into the report.
      test(reason === null ? caseName : `${caseName} [skipped: ${reason}]`, async () => {
        if (reason !== null) return;
        await context.open();
        await run(context);
      });
    }

    test('the suite is whole', () => {
      expect(new Set(targetCases.map((one) => one.name)).size).toBe(targetCases.length);
      expect(required.length).toBeGreaterThanOrEqual(casesRunMin);
    });
  });
}
