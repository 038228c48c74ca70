import { systemClock, systemRandom } from '@mindora/runtime';
import { type Command, Option } from 'commander';
import { withArchivist } from '../backup/archivist.ts';
import { backupSourceOf } from '../backup/create.ts';
import { discardKept, type KeptState } from '../backup/exchange.ts';
import { unwatched } from '../backup/ports.ts';
import { type Restored, restoreBackup } from '../backup/restore.ts';
import type { RestorePorts } from '../backup/staging.ts';
import { findBackup } from '../backup/stored.ts';
import { versionNames } from '../config.ts';
import type { EnginesKind } from '../engines.ts';
import { connect } from '../operations.ts';
import { print, printJson, tell } from '../output.ts';
import { loadBackupConfig } from './backup.ts';
import { type CommonFlags, exitCodes, reportError, withJson } from './command.ts';
import { settledStatus } from './status.ts';
import { verifyWholly } from './verify.ts';

interface RestoreFlags extends CommonFlags {
  readonly as?: string;
  readonly to?: string;
  readonly engines?: EnginesKind;
  readonly replace?: boolean;
  readonly discard?: boolean;
  readonly verify: boolean;
}

export function addRestore(program: Command): void {
  withJson(program.command('restore'))
    .description('put a backup in the place of the state of a stopped version, and verify it')
    .argument('<backup>', 'name of a backup of the version, or the path of its folder')
    .addOption(new Option('--as <version>', 'make it the state of this version, with new keys').choices(versionNames()))
    .addOption(
      new Option('--engines <kind>', 'which engines the version has, where nothing of it is left').choices([
        'embedded',
        'real',
      ]),
    )
    .option('--replace', 'the database of a primary on a server may hold records: they are backed up, and replaced')
    .option('--discard', 'remove the replaced state, instead of keeping it for "mindora rollback"')
    .option('--no-verify', 'fill the stores at the next start, and verify then')
    .addHelpText(
      'after',
      `
The backup is copied and checked beside the present state, then the two are exchanged: a kill at any moment leaves the
one or the other. The stores are filled from the primary, which takes as long as a rebuild of all of them.

With a primary on a server the database may be empty, or is emptied with --replace: rows change in one transaction.

Exit code: 0 restored, and every store agrees; 1 not restored, or drift; 2 restored, but not everything could be checked.

Examples:
  mindora restore future-20261122T124714123Z
  mindora restore /mnt/backups/future-20261122T124714123Z
  mindora restore future-20261122T124714123Z --as dao
  mindora restore /mnt/backups/future-20261122T124714123Z --engines real --replace`,
    )
    .action(run);
}

async function run(backup: string, flags: RestoreFlags): Promise<void> {
  process.umask(0o077);
  try {
    const { backups } = backupSourceOf(await loadBackupConfig(flags));
    const target = { ...flags, version: flags.as ?? flags.version };
    const into = backupSourceOf(await loadBackupConfig(target));
    const { replace = false, discard = false } = flags;
    const options = { foreign: flags.as !== undefined, replace, discard };
    const restored = await withRestorePorts((ports) =>
      restoreBackup(findBackup(backups, backup), into, options, ports),
    );
    if (discard) discardKept(into.files, 0);
    const kept = discard ? null : restored.kept;
    if (flags.json !== true) printRestored(restored, kept);
    process.exitCode = await concluded(target, { restored: restored.record.name, ...told(kept, restored.erasures) });
  } catch (error) {
    reportError(error, flags.json === true);
    process.exitCode = exitCodes.failed;
  }
}

function printRestored({ record, erasures }: Restored, kept: KeptState | null): void {
  const { records, changes } = record.position;
  print(`restored ${record.name}: ${records} records at position ${changes}, of ${record.created_at}`);
  tellRest(kept, erasures);
}

/** The ports of a restore, with the archivist's thread as long as the task takes. */
export function withRestorePorts<T>(task: (ports: RestorePorts) => Promise<T>): Promise<T> {
  const ports = { clock: systemClock(), random: systemRandom(), steps: unwatched };
  return withArchivist((archivist) => task({ ...ports, archivist }));
}

/** What of the state before is left, and which erasures go on. */
export function tellRest(kept: KeptState | null, erasures: number | null): void {
  if (kept !== null) print(`the state before is kept as ${kept.name}; "mindora rollback" goes back to it`);
  if (erasures === null) tell('The replaced primary could not be read: repeat the erasures since the backup was made.');
  else if (erasures > 0) print(`${erasures} users who were erased since are erased again`);
}

/** The same for programs. */
export function told(kept: KeptState | null, erasures: number | null): Record<string, unknown> {
  return { kept: kept?.name ?? null, erasures_repeated: erasures };
}

/** How long stores on servers are waited for: each compares all that it holds. */
const comparedMsMax = 15 * 60_000;

/** Fills and verifies the stores of the version, unless that is left to its next start. The exit code. */
export async function concluded(
  flags: CommonFlags & { readonly verify: boolean },
  done: Record<string, unknown>,
): Promise<number> {
  const json = flags.json === true;
  if (!flags.verify) {
    if (json) printJson({ status: 'success', ...done, verify: null });
    return exitCodes.ok;
  }
  const config = await loadBackupConfig(flags);
  // Stores on servers were not exchanged with the primary: each is compared and mended, and only then verified.
  const areKept = config.engines.kind === 'real';
  // The files that were just put there, whatever runs elsewhere.
  const operations = await connect({ ...config, remote: { url: null, apiKey: null } });
  try {
    if (areKept) await settledStatus(operations, comparedMsMax);
    return await verifyWholly(operations, json, (report) => ({ status: 'success', ...done, verify: report }), areKept);
  } finally {
    await operations.close();
  }
}
