/** Three embedded versions at once under load, for a moment; for longer: `test/versions/main.ts`. */
import { expect, test } from '@jest/globals';
import { isClean, rowsOf, runSideBySide } from '../versions/run.ts';

test('nothing of one version is found in another, and each agrees with itself', async () => {
  const outcome = await runSideBySide(3, 10);
  expect({ clean: isClean(outcome), rows: rowsOf(outcome) }).toMatchObject({ clean: true });
  for (const { traffic, findings } of outcome.versions) {
    expect(traffic.acknowledged).toBeGreaterThan(20);
    expect(findings.values).toBeGreaterThan(1000);
  }
  expect(outcome.total.peakMb).toBeLessThan(4096);
});
