import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MindoraError } from '@mindora/runtime';
import { closedFolder } from './config.ts';
import type { EngineDefinition } from './definition.ts';
import { freePorts, isFree } from './ports.ts';
import { engineUser } from './processes.ts';

/** What has to stay the same between two starts on one directory. */
export interface EngineState {
  readonly port: number;
  readonly ports: Readonly<Record<string, number>>;
  readonly password: string;
  readonly prepared: boolean;
}

const stateFile = (directory: string): string => join(directory, 'engine.json');

/** The state of a directory that an engine ran in before; null for a new one. */
export async function readState(directory: string): Promise<EngineState | null> {
  try {
    return JSON.parse(await readFile(stateFile(directory), 'utf8')) as EngineState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new MindoraError('internal', `${stateFile(directory)} can't be read`, { cause: error });
  }
}

/** Holds the password, so only its owner reads it; whole or not at all. */
export async function writeState(directory: string, state: EngineState): Promise<void> {
  const draft = `${stateFile(directory)}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  await rename(draft, stateFile(directory));
}

/** The state for the next start: the former ports where they are still free. */
export async function nextState(
  definition: EngineDefinition,
  directory: string,
  port: number | undefined,
): Promise<EngineState> {
  const former = await readState(directory);
  const names = definition.ports ?? [];
  const free = await freePorts(names.length + 1);
  const formerPort = former !== null && (await isFree(former.port)) ? former.port : undefined;
  const ports: Record<string, number> = {};
  for (const [index, name] of names.entries()) {
    const old = former?.ports[name];
    ports[name] = old !== undefined && (await isFree(old)) ? old : (free[index + 1] ?? 0);
  }
  return {
    port: port ?? formerPort ?? free[0] ?? 0,
    ports,
    password: former?.password ?? randomBytes(16).toString('hex'),
    prepared: former?.prepared ?? false,
  };
}

/** Makes a directory that the engine's user owns. @throws MindoraError where that user can't reach it */
export async function makeDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await own(directory);
  await chmod(directory, 0o700);
  if (engineUser() === undefined) return;
  const closed = closedFolder(dirname(directory));
  if (closed !== null) {
    throw new MindoraError('internal', `engines don't run as root, and other users can't enter ${closed}`);
  }
}

/** Hands a file or folder to the engine's user. */
export async function own(path: string): Promise<void> {
  const user = engineUser();
  if (user !== undefined) await chown(path, user.uid, user.gid);
}
