import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MindoraError } from '@mindora/runtime';
import { cacheFolder, closedFolder, installEnvironment, isRoot } from './config.ts';
import type { EngineDefinition, Installation, InstallTools, SystemPackage } from './definition.ts';
import { engineUser, finished } from './processes.ts';

const installTimeoutMs = 20 * 60_000;
const lockPollMs = 200;

const tools: InstallTools = {
  async run(file, args, needs, options = {}) {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { ...installEnvironment(), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      await finished(child, `${file} ${args[0] ?? ''}`, options.timeoutMs ?? installTimeoutMs);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new MindoraError('internal', `${file} is missing: ${needs}`, { cause: error });
    }
  },
};

/** What is installed: an engine, or a tool beside them. */
export interface Installable extends Pick<EngineDefinition, 'installation'> {
  readonly name: string;
}

/** The folder of an engine, installed where it was not; '' where the system's package serves. */
export async function installed(definition: Installable): Promise<string> {
  const { installation } = definition;
  if ('binary' in installation) {
    await installPackage(installation);
    return '';
  }
  const cache = cacheFolder();
  const folder = join(cache, `${definition.name}-${installation.version}`);
  if (!existsSync(folder)) {
    await withLock(folder, async () => {
      if (!existsSync(folder)) await installInto(folder, cache, installation);
    });
  }
  return folder;
}

/** Whether starting it needs no installation. */
export function isInstalled({ name, installation }: EngineDefinition): boolean {
  if ('binary' in installation) return existsSync(installation.binary);
  return existsSync(join(cacheFolder(), `${name}-${installation.version}`));
}

/** A folder under its final name is complete. */
async function installInto(folder: string, cache: string, installation: Installation): Promise<void> {
  await mkdir(cache, { recursive: true, mode: 0o755 });
  const closed = engineUser() === undefined ? null : closedFolder(cache);
  if (closed !== null) {
    const remedy = 'set ENGINES_CACHE to a folder that all may enter';
    throw new MindoraError('internal', `engines don't run as root, and other users can't enter ${closed}: ${remedy}`);
  }
  const draft = await mkdtemp(join(cache, 'draft-'));
  try {
    await chmod(draft, 0o755);
    await installation.install(draft, tools);
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function installPackage({ package: name, binary }: SystemPackage): Promise<void> {
  if (existsSync(binary)) return;
  if (!isRoot() || !existsSync('/usr/bin/apt-get')) {
    throw new MindoraError('internal', `${binary} is missing: as root, apt-get install ${name}`);
  }
  await withLock('apt-get', async () => {
    if (existsSync(binary)) return;
    const needs = 'a Debian system';
    await tools.run('apt-get', ['-qq', 'update'], needs);
    const wait = ['-o', 'DPkg::Lock::Timeout=600'];
    await tools.run('apt-get', [...wait, '-qq', '-y', '--no-install-recommends', 'install', name], needs);
  });
}

/** The system frees a name of a socket when its holder dies, so no lock is ever left behind. */
async function withLock(what: string, work: () => Promise<void>): Promise<void> {
  const digest = createHash('sha256').update(what).digest('hex').slice(0, 32);
  const endsAt = performance.now() + installTimeoutMs;
  let lock = await tryLock(`\0mindora-install-${digest}`);
  while (lock === null) {
    if (performance.now() > endsAt) throw new MindoraError('internal', `another process is installing ${what}`);
    await pause(lockPollMs);
    lock = await tryLock(`\0mindora-install-${digest}`);
  }
  try {
    await work();
  } finally {
    lock.close();
  }
}

async function tryLock(path: string): Promise<Server | null> {
  const server = createServer();
  server.listen({ path });
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
}
