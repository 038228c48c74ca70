import { expect, test } from '@jest/globals';
import { regressions } from '../faults/regressions.ts';
import { runSeed } from '../faults/seed.ts';

test.each(regressions)('faults: $what (seed $seed)', async ({ seed, rounds }) => {
  const told: string[] = [];
  await runSeed({ seed, rounds, keep: false, tell: (line) => told.push(line) });
  expect(told).toHaveLength(rounds);
});
