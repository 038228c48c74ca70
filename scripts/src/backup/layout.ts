/** Where backups, states kept for a rollback and a restore under way lie in a version's directory. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { VersionFiles } from '../compose/files.ts';

export interface BackupPlaces {
  /** Holds a folder a backup. */
  readonly backups: string;
  /** Holds a folder a state that a restore or a rollback replaced. */
  readonly kept: string;
  /** What a restore has copied and checked, before it is put in place. */
  readonly staging: string;
  /** While it is there, states are being exchanged: whoever comes next goes on with that. */
  readonly journal: string;
  /** The same two of a version whose primary is on a server. */
  readonly serverStaging: string;
  readonly serverJournal: string;
  /** The migrations that data on a server may be brought to: it was looked at, and backed up if it was older. */
  readonly guarded: string;
}

/** @param backups null: in the version's own directory */
export function placesOf(files: Pick<VersionFiles, 'directory'>, backups: string | null = null): BackupPlaces {
  const place = (name: string): string => join(files.directory, name);
  return {
    backups: backups ?? place('backups'),
    kept: place('kept'),
    staging: place('staging'),
    journal: place('exchange.json'),
    serverStaging: place('staging-server'),
    serverJournal: place('exchange-server.json'),
    guarded: place('migrations.json'),
  };
}

/** Whether a restore to a server is under way, or was killed and not settled yet. */
export function isServerNoted(files: Pick<VersionFiles, 'directory'>): boolean {
  const { serverStaging, serverJournal } = placesOf(files);
  return existsSync(serverJournal) || existsSync(serverStaging);
}

/**
 * The files of a version that make up its state; everything else (addresses of engines, the lock, backups) belongs to
 * the place. A primary's log goes with it: after a kill it holds commits that the file lacks.
 */
export const stateParts: readonly string[] = [
  'primary.sqlite-wal',
  'primary.sqlite-shm',
  'primary.sqlite-journal',
  'primary.sqlite',
  'bus.sqlite-wal',
  'bus.sqlite-shm',
  'bus.sqlite',
  'stores',
  'personal',
  'secrets.json',
  'admin.key',
  'settings.json',
];

/** A moment as it stands in names: their order is that of time. */
export function stampOf(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:.]/g, '');
}

const stampPattern = String.raw`\d{8}T\d{9}Z`;

/** Whether a folder is called like a backup of this version. */
export function isBackupName(name: string, version: string): boolean {
  return name.startsWith(`${version}-`) && new RegExp(`^${stampPattern}$`).test(name.slice(version.length + 1));
}

const partialPrefix = '.partial-';

/** The folder that a backup is written to before it is whole. */
export function partialName(name: string): string {
  return partialPrefix + name;
}

/** Whether a folder is what a backup of this version left that never became whole. */
export function isPartialName(name: string, version: string): boolean {
  return name.startsWith(partialPrefix) && isBackupName(name.slice(partialPrefix.length), version);
}
