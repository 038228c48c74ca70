/** The benchmarks: `npm run bench`, `mindora bench`. Everything in processes and files of its own, on loopback. */
import { parseArgs } from 'node:util';
import { measureBus } from './bus/measure.ts';
import { measureDebezium } from './debezium/measure.ts';
import { applyBenches, measureApplyOf } from './engines/index.ts';
import { measurePostgresSearch } from './engines/postgres-search.ts';
import { type Measurement, toTable } from './figures.ts';
import { measureFreshness } from './freshness.ts';
import { measureRealFreshness } from './freshness-real.ts';
import { measureGateway } from './gateway.ts';
import { describeMachine } from './machine.ts';
import { measureCapture } from './primary/capture.ts';
import { measureDurable } from './primary/durable.ts';
import { measureSemantic } from './semantic.ts';
import { measureStart } from './start.ts';
import { measureApply, measureSync } from './sync.ts';
import { measureRebuild, measureVerify } from './verify.ts';
import { openWorld, type World } from './world.ts';
import { openRealWorld } from './world-real.ts';

const names: readonly string[] = ['sync', 'apply', 'freshness', 'verify', 'rebuild', 'gateway', 'start'];
/** Real engines are installed and started for it, so only who asks for one gets it: `--only postgres`. */
const servers: readonly string[] = [
  'engines',
  ...Object.keys(applyBenches),
  'postgres-search',
  'bus',
  'primary',
  'capture',
  'debezium',
  'semantic',
];
const samples = 200;

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '5000' },
    json: { type: 'boolean', default: false },
    conversations: { type: 'string' },
    engines: { type: 'string', default: 'embedded' },
    bus: { type: 'string', default: 'nats' },
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '100' },
    only: { type: 'string', multiple: true, default: [...names] },
  },
});
const records = Math.max(100, Math.floor(Number(values.records)) || 5000);
const unknown = values.only.filter((name) => ![...names, ...servers].includes(name));
if (unknown.length > 0) throw new RangeError(`--only knows ${[...names, ...servers].join(', ')}`);
const wanted = (name: string): boolean => values.only.includes(name);

const machine = describeMachine();
const measured: Measurement[] = [];

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

function note(measurement: Measurement): void {
  measured.push(measurement);
  if (!values.json) print(`\n${toTable(measurement)}`);
}

async function measureWorld(opening: Promise<World>): Promise<void> {
  const world = await opening;
  try {
    const filled = await measureSync(world, records);
    if (wanted('sync')) note(filled);
    if (wanted('freshness') && values.engines !== 'real') note(await measureFreshness(world, samples));
    if (wanted('verify')) note(await measureVerify(world));
    if (wanted('rebuild')) note(await measureRebuild(world));
    if (wanted('apply') && values.engines !== 'real') note(await measureApply(world, records));
  } finally {
    await world.close();
  }
}

if (!values.json) {
  const { cpu, cores, memory_gb, system, node, sqlite } = machine;
  print(`${cpu}, ${cores} cores, ${memory_gb} GB, ${system}; Node ${node}, SQLite ${sqlite}; ${records} records`);
}
const onWorld = ['sync', 'verify', 'rebuild'];

/** `--engines real --only freshness --only sync`: a version on servers, started for it. */
async function measureServers(): Promise<void> {
  const { bus } = values;
  if (bus !== 'nats' && bus !== 'rabbitmq') throw new RangeError('--bus is nats or rabbitmq');
  if (!['freshness', ...onWorld].some(wanted)) {
    throw new RangeError('on real engines there are --only freshness, sync, verify and rebuild');
  }
  const [seconds, ratePerS] = [Number(values.seconds) || 60, Number(values.rate) || 100];
  if (wanted('freshness')) note(await measureRealFreshness({ bus, seconds, ratePerS }));
  if (onWorld.some(wanted)) await measureWorld(openRealWorld(bus));
}

async function measureEmbedded(): Promise<void> {
  if (wanted('start')) note(await measureStart());
  if (wanted('gateway')) note(await measureGateway());
  if (names.slice(0, 5).some(wanted)) await measureWorld(openWorld());
}

await (values.engines === 'real' ? measureServers() : measureEmbedded());
for (const [name, bench] of Object.entries(applyBenches)) {
  if (wanted(name) || wanted('engines')) note(await measureApplyOf(bench, records));
}
if (wanted('bus')) note(await measureBus());
if (wanted('primary')) note(await measureDurable());
if (wanted('capture')) note(await measureCapture(records));
if (wanted('debezium')) for (const measurement of await measureDebezium(records)) note(measurement);
if (wanted('postgres-search')) note(await measurePostgresSearch(records));
if (wanted('semantic'))
  for (const measurement of await measureSemantic(values.conversations ?? null)) note(measurement);
if (values.json) print(JSON.stringify({ machine, records, measured }, null, 2));
