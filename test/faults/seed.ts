import { temporaryDirectory } from '@mindora/testing/plain';
import { Chance } from './chance.ts';
import { check } from './check.ts';
import { type Fault, faults } from './faults.ts';
import { Run } from './run.ts';

export interface SeedOptions {
  readonly seed: number;
  readonly rounds: number;
  /** The data directory stays where the seed fails. */
  readonly keep: boolean;
  readonly tell: (line: string) => void;
}

const quietWritesMax = 60;

/** Runs one seed: rounds of load, a fault, and all checks. @throws Violation */
export async function runSeed({ seed, rounds, keep, tell }: SeedOptions): Promise<void> {
  const chance = new Chance(seed);
  const directory = await temporaryDirectory();
  const run = new Run(directory.path, chance);
  let isOver = false;
  try {
    for (let round = 1; round <= rounds; round++) {
      const name = chance.of(Object.keys(faults));
      await runRound(run, faults[name] as Fault, chance.fork(), (what) => tell(`  ${name}: ${what}`));
    }
    await run.terminate();
    isOver = true;
  } finally {
    await run.close();
    if (isOver || !keep) await directory.remove();
    else tell(`  its data: ${directory.path}`);
  }
}

async function runRound(run: Run, fault: Fault, chance: Chance, tell: (what: string) => void): Promise<void> {
  await run.start();
  run.beginLoad();
  const aftermath = await fault(run, chance);
  tell(aftermath.what);
  await run.endLoad();
  await run.start();
  // What comes after a fault is part of it: numbers go on from where they were thought to be.
  if (aftermath.drift !== 'must' && chance.is(0.7)) await run.write(chance.between(1, quietWritesMax));
  await check(run, aftermath);
}
