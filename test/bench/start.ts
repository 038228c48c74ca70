import { spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { startChild, temporaryDirectory } from '@mindora/testing/plain';
import { startVersion } from '../support/version.ts';
import { type Figures, type Measurement, ratio } from './figures.ts';

const restMs = 2000;

/** Time from the start of the process to the first answer, and memory when it has come to rest. */
export async function measureStart(): Promise<Measurement> {
  const directory = await temporaryDirectory();
  try {
    const first = await startOnce('first start, makes its data', directory.path);
    const again = await startOnce('start with data', directory.path);
    const bare = await startBare(directory.file('bare.sqlite'));
    const rows = [first, again, bare].map((row) => ({
      ...row,
      'memory : bare': ratio(Number(row['memory MB']), Number(bare['memory MB'])),
    }));
    return { name: 'start', about: 'a version alone; bare: fastify and one SQLite file', rows };
  } finally {
    await directory.remove();
  }
}

async function startOnce(what: string, data: string): Promise<Figures> {
  const began = performance.now();
  const version = await startVersion(data);
  const readyMs = Math.round(performance.now() - began);
  await pause(restMs);
  const row = { what, 'first answer ms': readyMs, 'memory MB': memoryMb(version.pid) };
  await version.stop();
  return row;
}

async function startBare(file: string): Promise<Figures> {
  const began = performance.now();
  const bare = startChild<{ url: string; pid: number }>(new URL('./bare-server.ts', import.meta.url), [file]);
  const { pid } = await bare.message(() => true);
  const readyMs = Math.round(performance.now() - began);
  await pause(restMs);
  const row = { what: 'bare', 'first answer ms': readyMs, 'memory MB': memoryMb(pid) };
  await bare.kill();
  return row;
}

/** Resident memory of a process. */
function memoryMb(pid: number): number {
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
  return Math.round(Number(stdout.trim()) / 1024);
}
