/** Outages one after the other on one version, and the table of what was seen. */
import { cpus, loadavg } from 'node:os';
import type { EngineName } from '@mindora/testing/engines';
import { type Figures, toTable } from '../../bench/figures.ts';
import { type BusName, storeEngines } from '../../support/own-engines.ts';
import { type OutageResult, runOutage } from './outage.ts';
import { type OutageKind, OutageWorld } from './world.ts';

export interface OutagesOptions {
  /** Empty: all of the version's. */
  readonly engines: readonly EngineName[];
  readonly kinds: readonly OutageKind[];
  readonly seconds: number;
  readonly ratePerS: number;
  readonly bus: BusName;
  readonly seed: number;
  readonly tell: (line: string) => void;
}

/** Runs every kind on every engine; the data is lost of the bus alone. False where a promise was broken. */
export async function runOutages(options: OutagesOptions): Promise<boolean> {
  const { kinds, bus, tell } = options;
  const engines = options.engines.length > 0 ? options.engines : [...storeEngines, bus];
  tell(`starting engines, seed ${options.seed}`);
  const rows: Figures[] = [];
  let isRight = true;
  const world = await OutageWorld.open(bus);
  try {
    for (const [engine, kind] of engines.flatMap((name) => kinds.map((each) => [name, each] as const))) {
      // Of other engines, data that is lost whole is what a rebuild is for, and that is tried elsewhere.
      if (kind === 'lose' && engine !== bus) continue;
      const { row, ok } = await one(world, options, engine, kind);
      rows.push(row);
      isRight &&= ok;
    }
    return isRight;
  } finally {
    tell(toTable({ name: 'outages', about: aboutOf(options), rows: rows.toSorted(byColumns) }));
    await world.close();
  }
}

async function one(world: OutageWorld, options: OutagesOptions, engine: EngineName, kind: OutageKind) {
  const { seconds, ratePerS, seed, tell } = options;
  const began = performance.now();
  tell(`${engine}, ${kind} ...`);
  try {
    const result = await runOutage(world, { engine, kind, seconds, ratePerS, seed });
    tell(`${engine}, ${kind}: ok after ${seconds1(performance.now() - began)} s`);
    return { row: rowOf(result), ok: true };
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    tell(`${engine}, ${kind}: FAILED: ${what}\nlog of the version:\n${world.version.log().slice(-4000)}`);
    return { row: failedRow(world.engines.of(engine).product, kind), ok: false };
  }
}

function aboutOf({ seconds, ratePerS, bus }: OutagesOptions): string {
  const load = loadavg()[0]?.toFixed(1);
  return `away for ${seconds} s under ${ratePerS} writes/s, bus ${bus}, ${cpus().length} cores, load ${load}`;
}

const seconds1 = (ms: number): string => (ms / 1000).toFixed(1);

/** Columns are those of the first row, and one of a failure has few. */
const byColumns = (a: Figures, b: Figures): number => Object.keys(b).length - Object.keys(a).length;

const failedRow = (engine: string, outage: OutageKind): Figures => ({ engine, outage, verify: 'FAILED' });

function rowOf({ product, kind, counts, seen, caughtUpMs, checked, logLinesPerS }: OutageResult): Figures {
  return {
    engine: product,
    outage: kind,
    acknowledged: counts.acknowledged,
    refused: counts.refused,
    'held back': counts.heldBack,
    'lag, status': `${seconds1(seen.statusLagMs)} s`,
    'lag, metrics': `${seconds1(seen.metricsLagMs)} s`,
    'caught up': `${seconds1(caughtUpMs)} s`,
    'slowest write ms': Math.round(counts.slowestMs),
    'slowest status ms': Math.round(seen.statusMs),
    'log lines/s': logLinesPerS,
    'memory MB': Math.round(seen.memoryMb),
    verify: `agrees, ${checked}`,
  };
}
