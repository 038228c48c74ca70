/** Embedded versions side by side: a process, a data directory and a log each. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@mindora/testing/plain';
import { environmentWith } from '../support/config.ts';

const main = join(import.meta.dirname, '../../scripts/src/main.ts');
const startDeadlineMs = 120_000;

export interface EmbeddedVersion {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  readonly adminKey: string;
  /** What `--data` is for it: its files lie in a folder of its name in there. */
  readonly data: string;
  /** All that it prints. */
  readonly logFile: string;
  /** Its exit code. */
  stop(): Promise<number | null>;
}

/** Starts a version on a free port and waits until it is ready. @throws Error with the end of its log */
export async function startEmbedded(name: string, root: string): Promise<EmbeddedVersion> {
  const data = join(root, name);
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const logFile = join(data, 'output.log');
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, [main, 'up', '--version', name, '--port', '0', '--data', data], {
    stdio: ['ignore', log, log],
    env: environmentWith({}),
  });
  closeSync(log);
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  void ended.then(() => process.removeListener('exit', end));
  const stop = (): Promise<number | null> => {
    child.kill('SIGTERM');
    return ended;
  };
  const pid = child.pid ?? 0;
  const url = await until(
    () => readyUrl(join(data, name, 'running.json'), pid),
    startDeadlineMs,
    () => `version ${name}: ${readFileSync(logFile, 'utf8').slice(-2000)}`,
  );
  const adminKey = readFileSync(join(data, name, 'admin.key'), 'utf8').trim();
  return { name, pid, url, adminKey, data, logFile, stop };
}

async function readyUrl(file: string, pid: number): Promise<string | null> {
  if (!existsSync(file)) return null;
  const running = JSON.parse(readFileSync(file, 'utf8')) as { url: string; pid: number };
  if (running.pid !== pid) return null;
  const response = await fetch(`${running.url}/ready`).catch(() => null);
  return response?.ok === true ? running.url : null;
}
