/** `node scripts/bootstrap.mjs node test/versions/main.ts --minutes 10 --rate 10`: three versions side by side. */
import { parseArgs } from 'node:util';
import { toTable } from '../bench/figures.ts';
import { currentLoad, describeMachine } from '../bench/machine.ts';
import { isClean, rowsOf, runSideBySide } from './run.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    rate: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const rate = Number(values.rate);
if (!(minutes > 0 && minutes <= 600)) throw new RangeError('--minutes: above 0, at most 600');
if (!(rate > 0 && rate <= 1000)) throw new RangeError('--rate: above 0, at most 1000 writes a second and version');

/** What a small host has (A6.8 has less still free). */
const hostMb = 4096;

const outcome = await runSideBySide(Math.round(minutes * 60), rate);
const clean = isClean(outcome);
const { cpu, cores, memory_gb: memory, system, node } = describeMachine();
const about = `${outcome.seconds} s, ${rate} writes and ${rate / 2} reads a second each, embedded engines`;
const lines = [
  `${cpu}, ${cores} cores, ${memory} GB, ${system}; Node ${node}; load ${currentLoad()}`,
  toTable({ name: 'versions', about, rows: rowsOf(outcome) }),
  `memory of all three: ${outcome.total.peakMb} MB at most, ${outcome.total.meanMb} MB on average, of ${hostMb} MB`,
  ...outcome.versions.flatMap(({ findings }) => findings.foreign),
  clean ? 'nothing of one version in another; every store agrees' : 'NOT CLEAN',
];
process.stdout.write(values.json ? `${JSON.stringify(outcome, null, 2)}\n` : `${lines.join('\n')}\n`);
process.exitCode = clean && outcome.total.peakMb <= hostMb ? 0 : 1;
