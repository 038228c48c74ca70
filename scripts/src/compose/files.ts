/** What lies in a version's directory. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RetentionPolicy } from '@mindora/contracts';
import { isApiKey, MindoraError, newApiKey, type Random, Secret } from '@mindora/runtime';
import type { Config } from '../config.ts';
import type { EnginesKind } from '../engines.ts';

export interface VersionFiles {
  readonly directory: string;
  readonly primary: string;
  readonly bus: string;
  readonly stores: string;
  readonly personal: string;
  readonly lock: string;
  readonly adminKey: string;
  /** Opens /metrics and nothing else. */
  readonly metricsKey: string;
  readonly secrets: string;
  /** Says where the gateway of a running version listens. */
  readonly running: string;
  /** What its stores were last filled with. */
  readonly settings: string;
}

export function filesOf(directory: string): VersionFiles {
  const file = (name: string): string => join(directory, name);
  return {
    directory,
    primary: file('primary.sqlite'),
    bus: file('bus.sqlite'),
    stores: file('stores'),
    personal: file('personal'),
    lock: file('lock.sqlite'),
    adminKey: file('admin.key'),
    metricsKey: file('metrics.key'),
    secrets: file('secrets.json'),
    running: file('running.json'),
    settings: file('settings.json'),
  };
}

/** Makes the directories, for the owner alone. */
export function makeDirectories(files: VersionFiles): void {
  for (const directory of [files.directory, files.stores, files.personal]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
}

export interface VersionSecrets {
  /** Signs tokens. */
  readonly jwt: Secret;
  /** Encrypts provider keys, 32 bytes in base64. */
  readonly master: Secret;
}

/** The version's own secrets, made at its first start, 0600. */
export function loadSecrets(files: VersionFiles, random: Random): VersionSecrets {
  if (!existsSync(files.secrets)) {
    const fresh = { jwt: random.bytes(32).toString('base64url'), master: random.bytes(32).toString('base64') };
    writePrivately(files.secrets, `${JSON.stringify(fresh, null, 2)}\n`);
  }
  const { jwt, master } = JSON.parse(readFileSync(files.secrets, 'utf8')) as { jwt: string; master: string };
  return { jwt: new Secret(jwt), master: new Secret(master) };
}

/** Writes a file for its owner alone; whole or not at all, also after a crash. */
export function writePrivately(file: string, content: string): void {
  const draft = `${file}.draft`;
  writeFileSync(draft, content, { mode: 0o600, flush: true });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}

export function readAdminKey(files: VersionFiles): Secret | null {
  return existsSync(files.adminKey) ? new Secret(readFileSync(files.adminKey, 'utf8').trim()) : null;
}

/** The key of the monitoring, made at the first start; another is made where the file is gone or holds none. */
export function provideMetricsKey(files: VersionFiles, random: Random): Secret {
  const kept = existsSync(files.metricsKey) ? readFileSync(files.metricsKey, 'utf8').trim() : '';
  if (isApiKey(kept)) return new Secret(kept);
  const { key } = newApiKey(random);
  writePrivately(files.metricsKey, `${key}\n`);
  return new Secret(key);
}

/** Where a running version listens. */
export interface RunningVersion {
  readonly url: string;
  readonly pid: number;
}

export function readRunning(files: VersionFiles): RunningVersion | null {
  if (!existsSync(files.running)) return null;
  return JSON.parse(readFileSync(files.running, 'utf8')) as RunningVersion;
}

export function removeRunning(files: VersionFiles): void {
  rmSync(files.running, { force: true });
}

/** What decides what the stores hold: of the environment that a version last ran with. */
export interface KeptSettings {
  readonly embedder: { readonly url: string | null; readonly model: string | null; readonly dimensions: number };
  readonly retention: RetentionPolicy;
  /** Of a version that ran before there was a choice, nothing: it is embedded. */
  readonly engines?: EnginesKind;
}

/** Noted by `up`, so that a command on the stopped version doesn't fill its stores anew under other settings. */
export function keepSettings(
  files: VersionFiles,
  { embedder, retention, engines }: Pick<Config, 'embedder' | 'retention' | 'engines'>,
): void {
  const { endpoint, dimensions } = embedder;
  const kept: KeptSettings = {
    embedder: { url: endpoint?.url ?? null, model: endpoint?.model ?? null, dimensions },
    retention,
    engines: engines.kind,
  };
  writePrivately(files.settings, `${JSON.stringify(kept, null, 2)}\n`);
}

function readKeptSettings(files: VersionFiles): KeptSettings | null {
  return existsSync(files.settings) ? (JSON.parse(readFileSync(files.settings, 'utf8')) as KeptSettings) : null;
}

/**
 * A version stays on the kind of engines that it was begun with: on the others it would be another, empty one.
 *
 * @throws MindoraError `conflict`
 */
export function assertSameEngines(
  files: VersionFiles,
  { engines, manifest }: Pick<Config, 'engines' | 'manifest'>,
): void {
  const { engines: before = 'embedded' } = readKeptSettings(files) ?? { engines: engines.kind };
  if (before === engines.kind) return;
  const detail = `version ${manifest.name} in ${files.directory} was begun on ${before} engines`;
  throw new MindoraError('conflict', `${detail}; give --engines ${before}, or another directory with --data`);
}

/** The configuration with the settings that the version last ran with; keys still come from the environment. */
export function withKeptSettings(files: VersionFiles, config: Config): Config {
  const kept = readKeptSettings(files);
  if (kept === null) return config;
  const { url, model, dimensions } = kept.embedder;
  const apiKey = config.embedder.endpoint?.apiKey ?? null;
  const endpoint = url === null || model === null ? null : { url, model, apiKey };
  const engines = { ...config.engines, kind: kept.engines ?? 'embedded' };
  const embedder = { ...config.embedder, endpoint, dimensions };
  return { ...config, embedder, retention: kept.retention, engines };
}
