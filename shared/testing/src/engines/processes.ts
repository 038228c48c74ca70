import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { MindoraError } from '@mindora/runtime';
import { engineEnvironment, isRoot } from './config.ts';
import type { Command } from './definition.ts';

const supervisor = fileURLToPath(new URL('./supervisor.sh', import.meta.url));
const outputLengthMax = 4_000;

/** `nobody`: has an entry among the users everywhere, which PostgreSQL insists on, and no rights. */
const unprivileged = { uid: 65_534, gid: 65_534 };

/** Who engines run as: another user where we are root, nobody else otherwise. */
export function engineUser(): { readonly uid: number; readonly gid: number } | undefined {
  return isRoot() ? unprivileged : undefined;
}

export interface SupervisedOptions {
  readonly directory: string;
  /** Descriptor of the log. */
  readonly log: number;
  /** A file with the numbers of frozen processes. */
  readonly frozen: string;
  /** Started first, ended with it. */
  readonly companion?: Command;
  /** Whether it ends with this process. */
  readonly watched: boolean;
}

/** An engine's process, below its supervisor. */
export interface Supervised {
  readonly pid: number;
  /** Resolves when engine and supervisor have ended. */
  readonly ended: Promise<void>;
  readonly isOver: () => boolean;
}

/** Starts a command under the supervisor. @throws MindoraError where it can't even be started */
export async function startSupervised(command: Command, options: SupervisedOptions): Promise<Supervised> {
  const mode = options.watched ? 'watch' : 'stay';
  const companion = options.companion === undefined ? [] : [options.companion.file, ...options.companion.args];
  const args = [mode, options.frozen, String(companion.length), ...companion, command.file, ...command.args];
  const child = spawn('/bin/sh', [supervisor, ...args], {
    ...engineSpawn(command, options.directory),
    detached: true,
    stdio: [options.watched ? 'pipe' : 'ignore', options.log, options.log, 'pipe'],
  });
  let isOver = false;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      isOver = true;
      resolve();
    });
  });
  const pid = await enginePid(child);
  child.unref();
  // Neither the pipe nor the process keeps a test from ending.
  (child.stdin as unknown as { unref?(): void } | null)?.unref?.();
  child.stdin?.on('error', () => undefined);
  return { pid, ended, isOver: () => isOver };
}

/** Waits for its end; false where it takes longer. The timer keeps this process alive so long. */
export async function endWithin(running: Supervised, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([running.ended, tooLong]);
  clearTimeout(timer);
  return running.isOver();
}

async function enginePid(child: ChildProcess): Promise<number> {
  const failed = once(child, 'error').then(([error]) => Promise.reject(error));
  const pipe = child.stdio[3] as NodeJS.ReadableStream;
  const text = Promise.race([readAll(pipe), failed]);
  failed.catch(() => undefined);
  const pid = Number(await text);
  if (!Number.isInteger(pid) || pid <= 0) throw new MindoraError('internal', 'the supervisor of an engine failed');
  return pid;
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text.trim();
}

/** Runs a command of an engine to its end, as the engine's user. */
export async function execute(command: Command, directory: string, timeoutMs = 180_000): Promise<void> {
  const child = spawn(command.file, command.args, {
    ...engineSpawn(command, directory),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await finished(child, command.file, timeoutMs);
}

/** Waits for a child's end. @throws MindoraError with the end of its output where it failed or took too long */
export async function finished(child: ChildProcess, what: string, timeoutMs: number): Promise<void> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-outputLengthMax);
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (code !== 0) throw new MindoraError('internal', `${what} ended with ${code ?? signal}: ${output.trim()}`);
  } finally {
    clearTimeout(timer);
  }
}

function engineSpawn(command: Command, directory: string): SpawnOptions {
  return {
    cwd: directory,
    env: { ...engineEnvironment(), HOME: directory, ...command.env },
    ...engineUser(),
  };
}

/** Sends a signal; false where there is no such process. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** A process and all below it, whatever groups they are in (PostgreSQL's children lead groups of their own). */
export async function processTree(root: number): Promise<number[]> {
  const parents = await parentsOfAll();
  const tree = [root];
  for (const pid of tree) tree.push(...(parents.get(pid) ?? []));
  return tree;
}

async function parentsOfAll(): Promise<Map<number, number[]>> {
  const children = new Map<number, number[]>();
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  for (const pid of pids) {
    const parent = (await statOf(pid))?.parent;
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  return children;
}

/** Parent and start time (in ticks since boot, which tells two processes of one number apart); null where it ended. */
export async function statOf(pid: number): Promise<{ parent: number; startedAt: string } | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name is in parentheses and may hold anything.
    const [state, parent, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' ? null : { parent: Number(parent), startedAt: rest[17] ?? '' };
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
