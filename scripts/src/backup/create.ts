/** Makes a backup: in a folder of another name, renamed when it is whole and on the disk. */
import { existsSync, readdirSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { BusSettings } from '@mindora/bus';
import { MindoraError } from '@mindora/runtime';
import type { PrimaryLocation } from '@mindora/stores';
import { filesOf, type VersionFiles } from '../compose/files.ts';
import { tryLock } from '../compose/lock.ts';
import type { Config } from '../config.ts';
import { busSettingsOf, primaryLocationOf } from '../engines.ts';
import { flush, makePrivateFolder, moveDurably, removeLeftovers, writeDurably } from './durable.ts';
import { isBackupName, isPartialName, partialName, placesOf, stampOf } from './layout.ts';
import type { BackupPorts } from './ports.ts';
import { productVersion } from './product.ts';
import { type BackupReason, type BackupRecord, type FileDigest, recordName } from './record.ts';

/** What is backed up. */
export interface BackupSource {
  readonly version: string;
  readonly files: VersionFiles;
  readonly primary: PrimaryLocation;
  /** Told where the primary goes back. */
  readonly bus: BusSettings;
  /** As JSON: for people, who may have lost it too. */
  readonly manifest: string;
  /** The folder that backups lie in. */
  readonly backups: string;
}

/** Room that a backup leaves free: the version needs some to go on. */
const freeBytesMin = 64 * 1024 * 1024;

/** What of a configuration concerns backups. */
export function backupSourceOf(config: Config): BackupSource {
  const files = filesOf(config.directory);
  return {
    version: config.manifest.name,
    files,
    primary: primaryLocationOf(config.engines, files.primary),
    bus: busSettingsOf(config.engines, files.bus),
    manifest: `${JSON.stringify(config.manifest, null, 2)}\n`,
    backups: placesOf(files, config.backup.directory).backups,
  };
}

/**
 * Backs a version up while it runs, or stopped.
 *
 * @throws MindoraError `not_found` where there is no data; `conflict` where another backup of it is being made, or its
 * keys change meanwhile; `store_unavailable` where there is no room
 */
export async function createBackup(
  source: BackupSource,
  reason: BackupReason,
  ports: BackupPorts,
): Promise<BackupRecord> {
  assertThere(source);
  makePrivateFolder(source.backups);
  const unlock = tryLock(join(source.backups, `.${source.version}.lock`));
  if (unlock === null) throw new MindoraError('conflict', `another backup of ${source.version} is being made`);
  try {
    removeUnfinished(source);
    const bytes = await sizeOfPrimary(source.primary);
    assertRoom(bytes, source.backups);
    return await make(source, { bytes, reason }, ports);
  } finally {
    unlock();
  }
}

/** @throws MindoraError `not_found` */
function assertThere({ version, files, primary }: BackupSource): void {
  // What a server holds is known once it is asked.
  if (primary.kind === 'mysql' || (existsSync(files.secrets) && existsSync(primary.file))) return;
  throw new MindoraError('not_found', `there is no data of version ${version} in ${files.directory}`);
}

async function sizeOfPrimary(primary: PrimaryLocation): Promise<number> {
  if (primary.kind !== 'mysql') return sizeOf(primary.file);
  const { sizeOfServer } = await import('./server/copy.ts');
  return sizeOfServer(primary.url);
}

function removeUnfinished({ backups, version }: BackupSource): void {
  removeLeftovers(backups, (name) => isBackupName(name, version));
  for (const name of readdirSync(backups)) {
    if (isPartialName(name, version)) rmSync(join(backups, name), { recursive: true, force: true });
  }
}

function assertRoom(needed: number, backups: string): void {
  const { bavail, bsize } = statfsSync(backups);
  if (bavail * bsize >= needed + freeBytesMin) return;
  throw new MindoraError('store_unavailable', `there is no room for a backup in ${backups}: ${needed} bytes`);
}

interface Asked {
  /** About the bytes of the primary. */
  readonly bytes: number;
  readonly reason: BackupReason;
}

async function make(source: BackupSource, asked: Asked, ports: BackupPorts): Promise<BackupRecord> {
  const now = ports.clock.now();
  const name = `${source.version}-${stampOf(now)}`;
  const partial = join(source.backups, partialName(name));
  ports.steps.reached('make the folder');
  makePrivateFolder(partial);
  try {
    const record = await fill(source, { ...asked, name, now, partial }, ports);
    ports.steps.reached('give it its name');
    moveDurably(partial, join(source.backups, name));
    ports.steps.reached('say so');
    return record;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

interface Draft extends Asked {
  readonly name: string;
  readonly now: number;
  readonly partial: string;
}

async function fill(source: BackupSource, draft: Draft, ports: BackupPorts): Promise<BackupRecord> {
  const { clock, archivist, steps } = ports;
  const { bytes, name, reason, now, partial } = draft;
  const small = smallFiles(source);
  steps.reached('copy the primary');
  const copy = join(partial, 'primary.sqlite');
  await watched(bytes, copy, ports, () => archivist.copy(source.primary, copy));
  // Keys and rows of one state: a restore in between would mix two.
  if (!isSame(small, smallFiles(source))) {
    throw new MindoraError('conflict', 'the keys changed while the backup was made; try again');
  }
  steps.reached('copy the keys');
  for (const [file, content] of small) writeDurably(join(partial, file), content);
  const facts = await archivist.inspect(copy);
  const files: Record<string, FileDigest> = {};
  for (const file of [basename(copy), ...small.keys()]) files[file] = await archivist.digest(join(partial, file));
  const record: BackupRecord = {
    format: 1,
    name,
    version: source.version,
    product: productVersion(),
    engine: source.primary.kind ?? 'sqlite',
    reason,
    created_at: new Date(now).toISOString(),
    took_ms: Math.max(0, clock.now() - now),
    ...facts,
    files,
  };
  steps.reached('describe it');
  writeDurably(join(partial, recordName), `${JSON.stringify(record, null, 2)}\n`);
  flush(partial);
  return record;
}

const lookEveryMs = 200;

/** The engine doesn't say how far it is; the size of what it writes does. */
async function watched<T>(
  total: number,
  copy: string,
  { clock, onCopied }: BackupPorts,
  task: () => Promise<T>,
): Promise<T> {
  if (onCopied === undefined) return task();
  const end = clock.every(lookEveryMs, () => onCopied(sizeOf(copy), total));
  return task().finally(end);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Keys and settings by the names that they have in a version's directory; those that are there. */
function smallFiles({ files, manifest }: BackupSource): Map<string, string> {
  const found = new Map([['manifest.json', manifest]]);
  for (const file of [files.secrets, files.adminKey, files.settings]) {
    if (existsSync(file)) found.set(basename(file), readFileSync(file, 'utf8'));
  }
  return found;
}

function isSame(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): boolean {
  return one.size === other.size && [...one].every(([name, content]) => other.get(name) === content);
}
