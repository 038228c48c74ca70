/** What is looked at before a version's data is opened, which may change its tables. */
import { existsSync, readFileSync } from 'node:fs';
import { type Logger, MindoraError, systemClock, toMindoraError } from '@mindora/runtime';
import { migrationNames } from '@mindora/stores/primary/migrations/index';
import { mysql } from '@mindora/stores/primary/mysql';
import { sqlite } from '@mindora/stores/primary/sqlite';
import { withArchivist } from './archivist.ts';
import { type BackupSource, createBackup } from './create.ts';
import { writeDurably } from './durable.ts';
import { placesOf } from './layout.ts';
import { unwatched } from './ports.ts';
import type { BackupRecord } from './record.ts';
import { migrationsIn } from './sqlite.ts';
import { removeSuperfluous } from './stored.ts';

/** Backups made before upgrades; the oldest go. */
const upgradesKept = 3;

/**
 * Backs data up that this Mindora is about to upgrade. The caller holds the version's lock.
 *
 * @returns the backup; null where there is nothing to upgrade
 * @throws MindoraError `conflict` where a newer Mindora has upgraded it: this one would write what that one can't read;
 * `store_unavailable` where a server is away, and its data may be of an older Mindora
 */
export async function guardUpgrade(source: BackupSource, log: Logger): Promise<BackupRecord | null> {
  const due = await upgradeOf(source);
  let backup: BackupRecord | null = null;
  if (due.length > 0) {
    const ports = { clock: systemClock(), steps: unwatched };
    backup = await withArchivist((archivist) => createBackup(source, 'upgrade', { ...ports, archivist }));
    removeSuperfluous(source, 'upgrade', { keep: upgradesKept, keepWeekly: 0 });
    log.info({ backup: backup.name }, 'backed up before the upgrade');
  }
  noteGuarded(source);
  return backup;
}

/**
 * Names of the migrations that this Mindora would run on data that is there.
 *
 * @throws MindoraError as {@link guardUpgrade}
 */
export async function upgradeOf(source: BackupSource): Promise<string[]> {
  const done = await namesIn(source);
  if (done === null) return [];
  const known = ownMigrations(source);
  const unknown = done.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const what = `the data of version ${source.version} was upgraded by a newer Mindora (${unknown.join(', ')})`;
    throw new MindoraError('conflict', `${what}; start that one, or go back with "mindora rollback"`);
  }
  return known.filter((name) => !done.includes(name));
}

function ownMigrations({ primary }: BackupSource): string[] {
  return migrationNames(primary.kind === 'mysql' ? mysql() : sqlite);
}

/** Null where there is nothing to upgrade yet, or nothing is known and none is possible. */
async function namesIn(source: BackupSource): Promise<string[] | null> {
  const { primary } = source;
  if (primary.kind === 'mysql') return namesOnServer(source, primary.url);
  if (!existsSync(primary.file)) return null;
  try {
    return migrationsIn(primary.file);
  } catch (thrown) {
    throw sqlite.translate(thrown);
  }
}

/** A server may be away when a version starts (decision 018), but not while data of an older Mindora may wait there. */
async function namesOnServer(source: BackupSource, url: string): Promise<string[] | null> {
  const { withSession } = await import('./server/session.ts');
  const { migrationsOnServer } = await import('./server/schema.ts');
  try {
    return await withSession(url, migrationsOnServer);
  } catch (thrown) {
    const error = toMindoraError(thrown);
    if (error.code !== 'store_unavailable') throw error;
    if (isGuarded(source) || !existsSync(source.files.settings)) return null;
    const advice = 'this Mindora may have to upgrade its tables, which begins with a backup: start the server first';
    throw new MindoraError('store_unavailable', `${error.message}; ${advice}`, { cause: error });
  }
}

/** Whatever there is, may become what this Mindora makes of it: it has been looked at. */
function noteGuarded(source: BackupSource): void {
  if (source.primary.kind !== 'mysql' || isGuarded(source)) return;
  writeDurably(placesOf(source.files).guarded, guardOf(source));
}

function isGuarded(source: BackupSource): boolean {
  const { guarded } = placesOf(source.files);
  return existsSync(guarded) && readFileSync(guarded, 'utf8') === guardOf(source);
}

function guardOf(source: BackupSource): string {
  return `${JSON.stringify(ownMigrations(source))}\n`;
}
