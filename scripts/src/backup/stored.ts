/** Backups that are there: found, listed, checked, and removed when there are enough of them. */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { MindoraError } from '@mindora/runtime';
import { removeWhole } from './durable.ts';
import { isBackupName } from './layout.ts';
import type { Archivist } from './ports.ts';
import { type BackupReason, type BackupRecord, readRecord } from './record.ts';

export interface StoredBackup {
  readonly name: string;
  readonly folder: string;
  /** Null where the description can't be read. */
  readonly record: BackupRecord | null;
}

/** All whole backups of a version in a folder, oldest first. */
export function listBackups(folder: string, version: string): StoredBackup[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => isBackupName(name, version));
  const found = names
    .sort()
    .map((name) => ({ name, folder: join(folder, name), record: recordOrNull(join(folder, name)) }));
  // One that was removed meanwhile is gone, not damaged.
  return found.filter(({ record, folder }) => record !== null || existsSync(folder));
}

function recordOrNull(folder: string): BackupRecord | null {
  try {
    return readRecord(folder);
  } catch (error) {
    if (error instanceof MindoraError) return null;
    throw error;
  }
}

/**
 * The folder of a backup: by its name among the version's own, or by a path.
 *
 * @throws MindoraError `not_found`
 */
export function findBackup(folder: string, nameOrPath: string): string {
  const isName = basename(nameOrPath) === nameOrPath;
  const found = isName ? join(folder, nameOrPath) : resolve(nameOrPath);
  if (existsSync(found)) return found;
  throw new MindoraError('not_found', `there is no backup ${isName ? `${nameOrPath} in ${folder}` : found}`);
}

/**
 * Reads a backup through: every file is there with its content, and the primary's copy is whole and says what is said
 * of it.
 *
 * @throws MindoraError `conflict`, naming what is wrong
 */
export async function checkBackup(folder: string, archivist: Archivist): Promise<BackupRecord> {
  const record = readRecord(folder);
  for (const name of Object.keys(record.files)) await checkFile(join(folder, name), name, record, archivist);
  await checkFacts(join(folder, primaryCopyName), record, archivist);
  return record;
}

/** The primary's copy in a backup. */
export const primaryCopyName = 'primary.sqlite';

/** @throws MindoraError `conflict` where the file isn't what the backup says of it */
export async function checkFile(file: string, name: string, record: BackupRecord, archivist: Archivist): Promise<void> {
  if (!existsSync(file)) throw new MindoraError('conflict', `${name} is missing from backup ${record.name}`);
  const { sha256 } = await archivist.digest(file);
  if (sha256 !== record.files[name]?.sha256) {
    throw new MindoraError('conflict', `${name} of backup ${record.name} is damaged: its content has changed`);
  }
}

/** @throws MindoraError `conflict` where the primary's copy isn't what the backup says of it */
export async function checkFacts(file: string, record: BackupRecord, archivist: Archivist): Promise<void> {
  const { root } = await archivist.inspect(file);
  if (root === record.root) return;
  throw new MindoraError('conflict', `the ledger of backup ${record.name} is not the one that it was made of`);
}

/** How many backups made for one reason stay. */
export interface Retention {
  /** The newest so many. */
  readonly keep: number;
  /** The newest of each of so many weeks. */
  readonly keepWeekly: number;
}

interface Dated {
  readonly name: string;
  readonly at: number;
}

/** Names of those that a retention lets go. */
export function superfluousOf(dated: readonly Dated[], { keep, keepWeekly }: Retention): string[] {
  const newestFirst = [...dated].sort((one, other) => other.at - one.at);
  const weeks = new Map<number, string>();
  for (const { name, at } of newestFirst) {
    if (weeks.size < keepWeekly && !weeks.has(weekOf(at))) weeks.set(weekOf(at), name);
  }
  const weekly = new Set(weeks.values());
  return newestFirst.slice(keep).flatMap(({ name }) => (weekly.has(name) ? [] : [name]));
}

/** Weeks begin on Mondays; 1970 began on a Thursday. */
function weekOf(ms: number): number {
  return Math.floor((ms / 86_400_000 + 3) / 7);
}

/** Removes what the retention lets go of the backups made for one reason; which they were. */
export function removeSuperfluous(
  { backups, version }: { readonly backups: string; readonly version: string },
  reason: BackupReason,
  retention: Retention,
): string[] {
  const dated = listBackups(backups, version).flatMap(({ name, record }) =>
    record?.reason === reason ? [{ name, at: Date.parse(record.created_at) }] : [],
  );
  const doomed = superfluousOf(dated, retention);
  for (const name of doomed) removeWhole(join(backups, name));
  return doomed;
}
