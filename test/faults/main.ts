/**
 * The fault driver: `npm run fault -- --seeds N --from S` on embedded engines, and on real ones
 * `npm run fault -- --outages [engines] [--kinds stop,kill,freeze,absent,lose] [--seconds 60] [--rate 100]
 * [--bus nats|rabbitmq]`.
 */
import { parseArgs } from 'node:util';
import { outagesOf } from './outages/arguments.ts';
import { runOutages } from './outages/run.ts';
import { runSeed } from './seed.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    outages: { type: 'boolean', default: false },
    kinds: { type: 'string', default: 'stop' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '100' },
    bus: { type: 'string', default: 'nats' },
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

async function runSeeds(): Promise<boolean> {
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
  return failed === 0;
}

const ok = values.outages
  ? await runOutages({ ...outagesOf(values, positionals), seed: from, tell })
  : await runSeeds();
process.exitCode = ok ? 0 : 1;
