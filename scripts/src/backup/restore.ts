/** Puts a backup in the place of a version's state: copied and checked beside it first, then exchanged. */
import { rmSync } from 'node:fs';
import { MindoraError } from '@mindora/runtime';
import { migrationNames } from '@mindora/stores/primary/migrations/index';
import { mysql } from '@mindora/stores/primary/mysql';
import { sqlite } from '@mindora/stores/primary/sqlite';
import { tryLock } from '../compose/lock.ts';
import { erasuresIn } from './adopt.ts';
import type { BackupSource } from './create.ts';
import { makePrivateFolder } from './durable.ts';
import { discardKept, exchangeStates, type KeptState, keptMax, makeStaging } from './exchange.ts';
import { stampOf } from './layout.ts';
import type { BackupPorts } from './ports.ts';
import { type BackupRecord, readRecord } from './record.ts';
import type { ServerMigration } from './server/schema.ts';
import { settleAll } from './settle.ts';
import { type RestorePorts, stageBackup } from './staging.ts';

export interface RestoreOptions {
  /** The backup may be another version's: it becomes this one's, with keys of its own. */
  readonly foreign?: boolean;
  /** What the replaced state is called, before its time. */
  readonly keptAs?: 'before-restore' | 'before-rollback';
  /** A server's database may hold records, which go. */
  readonly replace?: boolean;
  /** They are not backed up before. */
  readonly discard?: boolean;
  /** Migrations of this Mindora on a server. */
  readonly migrations?: readonly ServerMigration[];
}

export interface Restored {
  readonly record: BackupRecord;
  /** The state that was replaced; null where there was none. */
  readonly kept: KeptState | null;
  /** Users whose erasure is repeated; null where the replaced primary could not be read. */
  readonly erasures: number | null;
}

/**
 * Restores a backup. The stores are not in it: they are filled from the primary when the version is next opened.
 *
 * @throws MindoraError `conflict` where the version runs, the backup is another version's, of a newer Mindora, or
 * damaged: then nothing has changed
 */
export async function restoreBackup(
  folder: string,
  target: BackupSource,
  options: RestoreOptions,
  ports: RestorePorts,
): Promise<Restored> {
  const record = readRecord(folder);
  assertFits(record, target, options);
  return withStopped(target, async () => {
    if (target.primary.kind !== 'mysql') return restoreFile(folder, record, target, options, ports);
    const { restoreOnServer } = await import('./server/restore.ts');
    return restoreOnServer({ folder, record, target, primary: target.primary }, options, ports);
  });
}

async function restoreFile(
  folder: string,
  record: BackupRecord,
  target: BackupSource,
  { keptAs = 'before-restore' }: RestoreOptions,
  ports: RestorePorts,
): Promise<Restored> {
  const { files } = target;
  const staging = makeStaging(files);
  try {
    const erased = erasuresIn(files.primary);
    const erasures = await stageBackup({ folder, record, staging, target, erased }, ports);
    const kept = exchangeStates(files, { from: staging, keep: keepAs(keptAs, record.name, ports) }, ports.steps);
    discardKept(files, keptMax);
    return { record, kept, erasures };
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    throw error;
  }
}

/** @throws MindoraError `conflict` */
function assertFits(record: BackupRecord, target: BackupSource, { foreign = false, migrations }: RestoreOptions): void {
  const { name, version: owner, engine, product } = record;
  const { version, primary } = target;
  if (owner !== version && !foreign) {
    const advice = `to make it the state of ${version} with new keys, give --as ${version}`;
    throw new MindoraError('conflict', `backup ${name} is of version ${owner}; ${advice}`);
  }
  const isServer = primary.kind === 'mysql';
  if ((engine === 'mysql') !== isServer) {
    const needed = engine === 'mysql' ? 'on a server' : 'in a file';
    const advice = `its primary was ${needed}, where that of version ${version} is not; see --engines`;
    throw new MindoraError('conflict', `backup ${name} does not fit: ${advice}`);
  }
  const own = isServer ? (migrations?.map((one) => one.name) ?? migrationNames(mysql())) : migrationNames(sqlite);
  if (record.migrations.some((migration) => !own.includes(migration))) {
    throw new MindoraError('conflict', `backup ${name} is of a newer Mindora (${product}); restore it with that one`);
  }
}

/** Runs something while no process has the version open. @throws MindoraError `conflict` */
export async function withStopped<T>(
  place: Pick<BackupSource, 'version' | 'files' | 'primary'>,
  task: () => Promise<T>,
) {
  const { version, files } = place;
  makePrivateFolder(files.directory);
  const unlock = tryLock(files.lock);
  if (unlock === null) throw new MindoraError('conflict', `version ${version} is running; stop it first`);
  try {
    await settleAll(place);
    return await task();
  } finally {
    unlock();
  }
}

/** How the state that is replaced now will be called. */
export function keepAs(prefix: string, replacedBy: string, { clock }: Pick<BackupPorts, 'clock'>): KeptState {
  const now = clock.now();
  return { name: `${prefix}-${stampOf(now)}`, at: new Date(now).toISOString(), replaced_by: replacedBy };
}
