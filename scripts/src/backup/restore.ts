/** Puts a backup in the place of a version's state: copied and checked beside it first, then exchanged by renames. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MindoraError, type Random } from '@mindora/runtime';
import type { PrimaryLocation } from '@mindora/stores';
import { migrationNames } from '@mindora/stores/primary/migrations/index';
import { sqlite } from '@mindora/stores/primary/sqlite';
import { loadSecrets, type VersionFiles } from '../compose/files.ts';
import { tryLock } from '../compose/lock.ts';
import { carryErasures, makeForeignOwn } from './adopt.ts';
import { copyDurably, flush, makePrivateFolder } from './durable.ts';
import { discardKept, exchangeStates, type KeptState, keptMax, makeStaging, settle } from './exchange.ts';
import { stampOf } from './layout.ts';
import type { BackupPorts } from './ports.ts';
import { type BackupRecord, readRecord } from './record.ts';
import { checkFacts, checkFile, primaryCopyName } from './stored.ts';

export interface RestoreTarget {
  readonly version: string;
  readonly files: VersionFiles;
  readonly primary: PrimaryLocation;
}

export interface RestoreOptions {
  /** The backup may be another version's: it becomes this one's, with keys of its own. */
  readonly foreign?: boolean;
  /** What the replaced state is called, before its time. */
  readonly keptAs?: 'before-restore' | 'before-rollback';
}

export interface Restored {
  readonly record: BackupRecord;
  /** The state that was replaced; null where there was none. */
  readonly kept: KeptState | null;
  /** Users whose erasure is repeated; null where the replaced primary could not be read. */
  readonly erasures: number | null;
}

export type RestorePorts = BackupPorts & { readonly random: Random };

/** Files of a backup that become part of the state; the manifest in it is for people. */
const restored: ReadonlySet<string> = new Set([primaryCopyName, 'secrets.json', 'admin.key', 'settings.json']);

/**
 * Restores a backup. The stores are not in it: they are filled from the primary when the version is next opened.
 *
 * @throws MindoraError `conflict` where the version runs, the backup is another version's, of a newer Mindora, or
 * damaged: then nothing has changed
 */
export async function restoreBackup(
  folder: string,
  target: RestoreTarget,
  options: RestoreOptions,
  ports: RestorePorts,
): Promise<Restored> {
  const record = readRecord(folder);
  assertFits(record, target, options);
  return withStopped(target, async () => {
    const staging = makeStaging(target.files);
    try {
      const erasures = await stage(folder, record, staging, target, ports);
      const keep = keepAs(options.keptAs ?? 'before-restore', record.name, ports);
      const kept = exchangeStates(target.files, { from: staging, keep }, ports.steps);
      discardKept(target.files, keptMax);
      return { record, kept, erasures };
    } catch (error) {
      rmSync(staging, { recursive: true, force: true });
      throw error;
    }
  });
}

/** @throws MindoraError `conflict` */
function assertFits(
  record: BackupRecord,
  { version, primary }: RestoreTarget,
  { foreign = false }: RestoreOptions,
): void {
  const { name, version: owner, engine, migrations, product } = record;
  if (owner !== version && !foreign) {
    const advice = `to make it the state of ${version} with new keys, give --as ${version}`;
    throw new MindoraError('conflict', `backup ${name} is of version ${owner}; ${advice}`);
  }
  if (engine !== (primary.kind ?? 'sqlite')) {
    throw new MindoraError('conflict', `backup ${name} is of another kind of primary than version ${version} has`);
  }
  const known = new Set(migrationNames(sqlite));
  if (migrations.some((migration) => !known.has(migration))) {
    throw new MindoraError('conflict', `backup ${name} is of a newer Mindora (${product}); restore it with that one`);
  }
}

/** Runs something while no process has the version open. @throws MindoraError `conflict` */
export async function withStopped<T>({ version, files }: RestoreTarget, task: () => Promise<T>): Promise<T> {
  makePrivateFolder(files.directory);
  const unlock = tryLock(files.lock);
  if (unlock === null) throw new MindoraError('conflict', `version ${version} is running; stop it first`);
  try {
    settle(files);
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

async function stage(
  folder: string,
  record: BackupRecord,
  staging: string,
  { version, files }: RestoreTarget,
  ports: RestorePorts,
): Promise<number | null> {
  const { archivist, steps } = ports;
  for (const name of Object.keys(record.files).filter((one) => restored.has(one))) {
    steps.reached(`copy ${name}`);
    if (!existsSync(join(folder, name))) {
      throw new MindoraError('conflict', `${name} is missing from backup ${record.name}`);
    }
    copyDurably(join(folder, name), join(staging, name));
    await checkFile(join(staging, name), name, record, archivist);
  }
  const copy = join(staging, primaryCopyName);
  await checkFacts(copy, record, archivist);
  steps.reached('make it its own');
  const isForeign = record.version !== version;
  if (isForeign) adopt(copy, staging, files, ports);
  const erasures = isForeign ? 0 : carryErasures(files.primary, copy);
  flush(copy);
  flush(staging);
  return erasures;
}

function adopt(copy: string, staging: string, files: VersionFiles, { clock, random }: RestorePorts): void {
  const own = { ...files, secrets: join(staging, 'secrets.json') };
  const { master } = JSON.parse(readFileSync(own.secrets, 'utf8')) as { master: string };
  rmSync(own.secrets);
  // The administrator's key opens the other version; the next start makes another.
  rmSync(join(staging, 'admin.key'), { force: true });
  const fresh = loadSecrets(own, random);
  const keys = { old: Buffer.from(master, 'base64'), fresh: Buffer.from(fresh.master.reveal(), 'base64') };
  makeForeignOwn(copy, keys, clock.timestamp(), random);
}
