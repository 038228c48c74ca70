import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineName } from '../port.ts';
import { processTree, signal, statOf } from '../processes.ts';
import { definitionOf } from '../products/index.ts';
import { untilAnswers } from '../products/waiting.ts';

/** An engine that goes on without the process that started it. */
export interface EngineRecord {
  readonly name: EngineName;
  readonly product: string;
  readonly port: number;
  readonly pid: number;
  /** Tells it from a later process of the same number. */
  readonly startedAt: string;
  /** Lines of engines.env. */
  readonly addresses: Readonly<Record<string, string>>;
}

const stopTimeoutMs = 20_000;

/** The engines of a version's directory, running or not. */
export async function readRecords(directory: string): Promise<EngineRecord[]> {
  try {
    return JSON.parse(await readFile(join(directory, 'engines.json'), 'utf8')) as EngineRecord[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Writes the records, and beside them the addresses for the version. Both hold passwords. */
export async function writeRecords(directory: string, records: readonly EngineRecord[]): Promise<void> {
  await replace(join(directory, 'engines.json'), `${JSON.stringify(records, null, 2)}\n`);
  await writeAddresses(directory, Object.assign({}, ...records.map(({ addresses }) => addresses)));
}

/** The lines by which `mindora up --engines real` finds them. */
export async function writeAddresses(directory: string, addresses: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(addresses).map(([name, url]) => `${name}=${url}\n`);
  await replace(join(directory, 'engines.env'), lines.join(''));
}

async function replace(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Whether it is still that process. */
export async function isRunning({ pid, startedAt }: EngineRecord): Promise<boolean> {
  return (await statOf(pid))?.startedAt === startedAt;
}

/** Ends it in order, after 20 s by force. */
export async function stopRecorded(record: EngineRecord): Promise<void> {
  if (!(await isRunning(record))) return;
  signal(record.pid, definitionOf(record.name).stopSignal ?? 'SIGTERM');
  try {
    await untilAnswers(() => assertEnded(record), stopTimeoutMs);
  } catch {
    // It had its time.
    for (const pid of await processTree(record.pid)) signal(pid, 'SIGKILL');
    await untilAnswers(() => assertEnded(record), stopTimeoutMs);
  }
}

async function assertEnded(record: EngineRecord): Promise<void> {
  if (await isRunning(record)) throw new Error(`${record.name} (process ${record.pid}) is still running`);
}

/** Memory of a process and all below it, in MB; pages that they share count once for each. */
export async function memoryMb(root: number): Promise<number> {
  const pids = await processTree(root);
  const sizes = await Promise.all(pids.map(residentKb));
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1024);
}

async function residentKb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
}
