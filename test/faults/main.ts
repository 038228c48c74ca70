/** The fault driver: `npm run fault -- --seeds N --from S`. */
import { parseArgs } from 'node:util';
import { runSeed } from './seed.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    from: { type: 'string', default: String(Date.now() % 1_000_000) },
    rounds: { type: 'string', default: '3' },
    keep: { type: 'boolean', default: false },
  },
});
const [seeds, from, rounds] = [Number(values.seeds), Number(values.from), Number(values.rounds)];

const tell = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

let failed = 0;
for (let seed = from; seed < from + seeds; seed++) {
  const began = performance.now();
  tell(`seed ${seed}`);
  try {
    await runSeed({ seed, rounds, keep: values.keep, tell });
    tell(`  ok, ${((performance.now() - began) / 1000).toFixed(1)} s`);
  } catch (error) {
    failed++;
    tell(`  FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    tell(`  again: npm run fault -- --seeds 1 --from ${seed} --rounds ${rounds} --keep`);
  }
}
tell(`${seeds - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
