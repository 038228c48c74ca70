import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { installed, isInstalled } from '../install.ts';
import { startEngine } from '../launch.ts';
import type { EngineName } from '../port.ts';
import { isFree } from '../ports.ts';
import { statOf } from '../processes.ts';
import { definitionOf } from '../products/index.ts';
import { readState } from '../state.ts';
import { provision } from './accounts.ts';
import { planOf, type VersionPlan } from './plan.ts';
import { type EngineRecord, isRunning, memoryMb, readRecords, stopRecorded, writeRecords } from './records.ts';

export interface EngineCommand {
  readonly names: readonly EngineName[];
  readonly version: string;
  /** Of the version: DATA/VERSION. */
  readonly directory: string;
  /** Progress, for people. */
  readonly tell: (line: string) => void;
}

/** Builds share the processors, so more at once gains nothing. */
const installsAtOnce = 2;

async function timed<T>(tell: (line: string) => void, what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  tell(`${what} ...`);
  const result = await work();
  tell(`${what}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return result;
}

/** Installs what isn't there yet. @throws AggregateError-like: the first failure, after all have been tried */
export async function install({ names, tell }: Pick<EngineCommand, 'names' | 'tell'>): Promise<void> {
  const missing = names.map(definitionOf).filter((definition) => !isInstalled(definition));
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let next = missing.shift(); next !== undefined; next = missing.shift()) {
      const definition = next;
      await timed(tell, `installing ${definition.name}`, () => installed(definition)).catch((error: Error) => {
        tell(`${definition.name}: ${error.message}`);
        failures.push(error);
      });
    }
  };
  await Promise.all(Array.from({ length: installsAtOnce }, worker));
  if (failures.length > 0) throw failures[0];
}

/** Starts what isn't running, in the background, and notes the addresses after each. */
export async function up(command: EngineCommand): Promise<void> {
  const { names, version, directory, tell } = command;
  await install(command);
  await mkdir(join(directory, 'engines'), { recursive: true });
  // The engines' user has to pass; what lies in there is closed by itself.
  await chmod(join(directory, 'engines'), 0o711);
  const plan = planOf(version);
  for (const name of names) {
    const others = (await readRecords(directory)).filter((record) => record.name !== name);
    const former = (await readRecords(directory)).find((record) => record.name === name);
    if (former !== undefined && (await isRunning(former))) tell(`${name} is running`);
    else
      await writeRecords(directory, [
        ...others,
        await timed(tell, `starting ${name}`, () => start(command, plan, name)),
      ]);
  }
  tell(`addresses: ${join(directory, 'engines.env')}`);
}

async function start({ directory }: EngineCommand, plan: VersionPlan, name: EngineName): Promise<EngineRecord> {
  const home = join(directory, 'engines', name);
  const wanted = (await readState(home)) === null ? plan.ports[name] : undefined;
  const port = wanted !== undefined && (await isFree(wanted)) ? { port: wanted } : {};
  const engine = await startEngine(name, { directory: home, detached: true, ...port });
  return {
    name,
    product: engine.product,
    port: Number(new URL(engine.url).port),
    pid: engine.pid,
    startedAt: (await statOf(engine.pid))?.startedAt ?? '',
    addresses: await provision[name](engine, plan),
  };
}

/** Stops them, the bus after who writes to it; their data stays. */
export async function down({ names, directory, tell }: EngineCommand): Promise<void> {
  const records = (await readRecords(directory)).filter(({ name }) => names.includes(name));
  await Promise.all(records.map((record) => timed(tell, `stopping ${record.name}`, () => stopRecorded(record))));
}

/** A line an engine: name, product, port, process, memory. True where all are running. */
export async function status({ directory, names }: EngineCommand, print: (line: string) => void): Promise<boolean> {
  const records = (await readRecords(directory)).filter(({ name }) => names.includes(name));
  let running = 0;
  for (const record of records) {
    const isUp = await isRunning(record);
    running += Number(isUp);
    const state = isUp ? `process ${record.pid}  ${await memoryMb(record.pid)} MB` : 'stopped';
    print(`${record.name.padEnd(14)} ${record.product.padEnd(40)} port ${String(record.port).padEnd(6)} ${state}`);
  }
  if (records.length === 0) print('no engines were started here');
  return records.length > 0 && running === records.length;
}
