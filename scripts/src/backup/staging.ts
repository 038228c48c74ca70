/** Gathers a backup beside the present state, checked and made the version's own, before anything is replaced. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MindoraError, type Random } from '@mindora/runtime';
import { loadSecrets, type VersionFiles } from '../compose/files.ts';
import { addErasures, type Erasure, makeForeignOwn } from './adopt.ts';
import type { BackupSource } from './create.ts';
import { copyDurably, flush } from './durable.ts';
import type { BackupPorts } from './ports.ts';
import type { BackupRecord } from './record.ts';
import { checkFacts, checkFile, primaryCopyName } from './stored.ts';

export type RestorePorts = BackupPorts & { readonly random: Random };

/** Files of a backup that become part of the state; the manifest in it is for people. */
const restored: ReadonlySet<string> = new Set([primaryCopyName, 'secrets.json', 'admin.key', 'settings.json']);

export interface Staged {
  readonly folder: string;
  readonly record: BackupRecord;
  /** An empty folder of the version. */
  readonly staging: string;
  readonly target: Pick<BackupSource, 'version' | 'files'>;
  /** Erasures that the present primary knows; null where it can't be read. */
  readonly erased: readonly Erasure[] | null;
}

/**
 * Copies a backup to the staging folder, on the disk.
 *
 * @returns users whose erasure is repeated, see {@link addErasures}
 * @throws MindoraError `conflict` where the backup isn't what it says it is
 */
export async function stageBackup(
  { folder, record, staging, target, erased }: Staged,
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
  const isForeign = record.version !== target.version;
  if (isForeign) adopt(copy, staging, target.files, ports);
  const erasures = isForeign ? 0 : addErasures(copy, erased);
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
