import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const socketVariable = 'ENGINES_SOCKET';

/**
 * Where engines are installed, once for all checkouts: `ENGINES_CACHE`, else below `XDG_CACHE_HOME` or
 * ~/.cache. Root's engines run as another user, who often can't enter root's home: theirs are in /var/cache then.
 */
export function cacheFolder(): string {
  const { ENGINES_CACHE: own, XDG_CACHE_HOME: caches } = process.env;
  if (own !== undefined && own !== '') return own;
  const folder = join(caches !== undefined && caches !== '' ? caches : join(homedir(), '.cache'), 'mindora', 'engines');
  return isRoot() && closedFolder(folder) !== null ? '/var/cache/mindora/engines' : folder;
}

/** Root hands its engines to a user without rights. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The first folder above (or at) a path that other users can't enter; null where there is none. */
export function closedFolder(path: string): string | null {
  if (existsSync(path) && (statSync(path).mode & 1) === 0) return path;
  const parent = dirname(path);
  return parent === path ? null : closedFolder(parent);
}

/** Where the engines that a tree of processes shares are managed; undefined where nobody does. */
export function sharedSocket(): string | undefined {
  return process.env[socketVariable];
}

/** For this process and those that it will start; undefined forgets it. */
export function setSharedSocket(path: string | undefined): void {
  if (path === undefined) delete process.env[socketVariable];
  else process.env[socketVariable] = path;
}

/** What an engine or an installation gets of our environment: enough to find programs, never our settings. */
export function engineEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => /^(PATH|JAVA_HOME|TMPDIR|TZ)$/.test(name));
  return { LANG: 'C.UTF-8', ...(Object.fromEntries(kept) as Record<string, string>) };
}

/** Installers also read the settings of registries, proxies and their own caches. */
export function installEnvironment(): Record<string, string | undefined> {
  return { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
}
