/** Runs whole versions and commands, as a user does: processes of their own, found by the data directory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@mindora/testing/plain';
import { environmentWith } from './config.ts';
import { engineArguments } from './data.ts';

const main = join(import.meta.dirname, '../../scripts/src/main.ts');
const startDeadlineMs = 240_000;

/** A version's process, ready or not. */
export interface LaunchedVersion {
  readonly pid: number;
  /** Ends it as a power cut would. */
  kill(): void;
  /** Asks it to end; its exit code. */
  stop(): Promise<number | null>;
  /** Its exit code, null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** All that it has written to standard error. */
  log(): string;
}

export interface RunningVersion extends LaunchedVersion {
  readonly url: string;
  readonly adminKey: string;
}

export interface VersionOptions {
  readonly args?: readonly string[];
  readonly logLevel?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Starts version `future` on a free port and waits until it is ready. */
export function startVersion(data: string, args: readonly string[] = []): Promise<RunningVersion> {
  return whenReady(data, launchVersion(data, { args }));
}

/** Starts version `future` on a free port and returns at once. */
export function launchVersion(
  data: string,
  { args = [], logLevel, environment = {} }: VersionOptions = {},
): LaunchedVersion {
  const child = spawn(
    process.execPath,
    [main, 'up', '--port', '0', '--data', data, ...engineArguments(data), ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environmentWith({ ...environment, ...(logLevel === undefined ? {} : { MINDORA_LOG_LEVEL: logLevel }) }),
    },
  );
  const output = collect(child);
  // A test that failed in the middle must not leave it running.
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  void ended.then(() => process.removeListener('exit', end));
  return {
    pid: child.pid ?? 0,
    kill: () => void child.kill('SIGKILL'),
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
    ended,
    log: output.error,
  };
}

/** Waits until a version is ready. @throws Error with its log where it ends before */
export async function whenReady(data: string, launched: LaunchedVersion): Promise<RunningVersion> {
  return whenAnswers(data, launched, '/ready');
}

/** Waits until a version listens, though stores may be away. @throws Error with its log where it ends before */
export async function whenListening(data: string, launched: LaunchedVersion): Promise<RunningVersion> {
  return whenAnswers(data, launched, '/health');
}

async function whenAnswers(data: string, launched: LaunchedVersion, probe: string): Promise<RunningVersion> {
  let isOver = false;
  void launched.ended.then(() => {
    isOver = true;
  });
  const running = join(data, 'future/running.json');
  const url = await until(
    async () => {
      if (isOver) throw new Error(`the version ended: ${launched.log()}`);
      const found = readRunning(running, launched.pid);
      return found !== null && (await isOk(found + probe)) ? found : null;
    },
    startDeadlineMs,
    () => `a version that answers ${probe}: ${launched.log().slice(-2000)}`,
  );
  return { ...launched, url, adminKey: readFileSync(join(data, 'future/admin.key'), 'utf8').trim() };
}

/** A file that a killed process left names another process. */
function readRunning(file: string, pid: number): string | null {
  if (!existsSync(file)) return null;
  const running = JSON.parse(readFileSync(file, 'utf8')) as { url: string; pid: number };
  return running.pid === pid ? running.url : null;
}

async function isOk(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => null);
  return response?.ok === true;
}

export interface CommandResult {
  readonly code: number | null;
  readonly output: string;
  readonly error: string;
}

/** Runs a command against a data directory. */
export async function mindora(
  data: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [main, ...args, '--data', data], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentWith(environment),
  });
  const output = collect(child);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, output: output.text(), error: output.error() };
}

/** The same with `--json`, parsed. */
export async function mindoraJson(
  data: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; json: Record<string, unknown> }> {
  const { code, output, error } = await mindora(data, [...args, '--json'], environment);
  if (output.trim() === '') throw new Error(`no output, exit code ${code}: ${error}`);
  return { code, json: JSON.parse(output) as Record<string, unknown> };
}

function collect(child: ChildProcess): { text(): string; error(): string } {
  let text = '';
  let error = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    error = (error + chunk).slice(-200_000);
  });
  return { text: () => text, error: () => error };
}
