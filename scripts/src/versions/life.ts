/** The files of a version come and go: manifest, secrets, Compose's files, and if asked its data. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { MindoraError, type Random } from '@mindora/runtime';
import { filesOf, readRunning } from '../compose/files.ts';
import { tryLock } from '../compose/lock.ts';
import { generatedFiles, writeGenerated } from './generated.ts';
import {
  assertName,
  clashesOf,
  hostPortsOf,
  loadManifest,
  loadManifests,
  type Manifest,
  versionNamesIn,
} from './manifest.ts';
import { overlaysOf } from './overlays.ts';
import { planVersion, type VersionPlan } from './plan.ts';
import { provideSecrets, removeSecrets } from './secrets.ts';

export interface VersionPlaces {
  /** versions/ */
  readonly manifests: string;
  /** compose/ */
  readonly compose: string;
}

const secretsDirectory = ({ compose }: VersionPlaces, name: string): string => join(compose, 'secrets', name);

/** Whether something listens on a port of this machine's loopback. */
export function isFreePort(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const server = createServer();
    server.once('error', () => settle(false));
    server.listen(port, '127.0.0.1', () => server.close(() => settle(true)));
  });
}

/**
 * Makes a version. Its manifest comes last but for what follows from it: killed half-way, it is there or it isn't.
 *
 * @throws MindoraError `conflict` where there is one of that name, `invalid_request` where the name isn't one
 */
export async function createVersion(
  name: string,
  places: VersionPlaces,
  options: { random: Random; title?: string },
): Promise<VersionPlan> {
  assertName(name);
  const file = join(places.manifests, `${name}.yaml`);
  if (versionNamesIn(places.manifests).includes(name)) {
    throw new MindoraError('conflict', `there is a version "${name}" already: ${file}`);
  }
  const others = loadManifests(places.manifests);
  const plan = await planVersion(name, others, isFreePort, options.title);
  const clashes = clashesOf([...others, plan.manifest]);
  if (clashes.length > 0) throw new MindoraError('conflict', clashes.join('; '));
  provideSecrets(secretsDirectory(places, name), plan.manifest, options.random);
  writeFileSync(`${file}.draft`, plan.text, { flush: true });
  renameSync(`${file}.draft`, file);
  writeGenerated(generatedFiles(places.manifests, places.compose), places.compose);
  return plan;
}

/** Makes the secrets of a version that are missing. @returns their names */
export function completeSecrets(name: string, places: VersionPlaces, random: Random): string[] {
  const directory = secretsDirectory(places, name);
  mkdirSync(join(places.compose, 'secrets'), { recursive: true, mode: 0o700 });
  return provideSecrets(directory, loadManifest(places.manifests, name), random);
}

/**
 * Looks for the version among this machine's processes by its lock, and behind its port, where a container would answer.
 *
 * @throws MindoraError `conflict` while it runs
 */
export async function assertStopped(name: string, places: VersionPlaces, dataDirectory: string): Promise<void> {
  const directory = resolve(dataDirectory, name);
  const files = filesOf(directory);
  if (existsSync(files.lock)) {
    const unlock = tryLock(files.lock);
    if (unlock === null) throw running(name, readRunning(files)?.url ?? directory);
    unlock();
  }
  const port = portOf(name, places);
  if (port !== null && (await answersAs(name, port))) throw running(name, `port ${port}`);
}

function running(name: string, where: string): MindoraError {
  return new MindoraError('conflict', `version ${name} is running (${where}); stop it first`);
}

/** Of a manifest that is not right, nobody knows. */
function portOf(name: string, places: VersionPlaces): number | null {
  try {
    return loadManifest(places.manifests, name).gateway.port;
  } catch (error) {
    if (error instanceof MindoraError) return null;
    throw error;
  }
}

const answerMs = 1000;

async function answersAs(name: string, port: number): Promise<boolean> {
  const asked = fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(answerMs) });
  // Nobody listens, or somebody who speaks otherwise.
  const answer = await asked.then((response) => response.json() as Promise<{ version?: unknown }>).catch(() => null);
  return answer?.version === name;
}

export interface Removal {
  readonly manifest: string;
  readonly secrets: boolean;
  /** What of its data was deleted; null: nothing was asked for, or there was none. */
  readonly data: string | null;
}

/**
 * Removes a version. First what it keeps, then its manifest: killed half-way, it is still there to be removed.
 *
 * @param data where versions keep their data; null: leave that alone
 * @throws MindoraError `not_found` where there is none
 */
export function removeVersion(name: string, places: VersionPlaces, data: string | null): Removal {
  const names = versionNamesIn(places.manifests);
  if (!names.includes(name)) {
    throw new MindoraError('not_found', `no version "${name}"; there are ${names.join(', ')}`);
  }
  const directory = data === null ? null : resolve(data, name);
  const there = directory !== null && existsSync(directory);
  if (there) rmSync(directory, { recursive: true, force: true });
  const secrets = removeSecrets(secretsDirectory(places, name));
  for (const { path } of overlaysOf(name)) rmSync(join(places.compose, path), { force: true });
  const manifest = join(places.manifests, `${name}.yaml`);
  rmSync(manifest);
  writeGenerated(generatedFiles(places.manifests, places.compose), places.compose);
  return { manifest, secrets, data: there ? directory : null };
}

export interface PortState {
  readonly service: string;
  readonly port: number;
  readonly free: boolean;
}

/** Every port of the host that a version would listen on, and whether somebody does (A3.6). */
export async function portStates(manifest: Manifest): Promise<PortState[]> {
  return Promise.all(
    hostPortsOf(manifest).map(async ({ service, port }) => ({ service, port, free: await isFreePort(port) })),
  );
}
