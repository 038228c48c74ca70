import { MindoraError } from '@mindora/runtime';
import type { Command } from 'commander';
import { type BackupSource, backupSourceOf } from '../backup/create.ts';
import { withStopped } from '../backup/restore.ts';
import { rollBack } from '../backup/rollback.ts';
import { listBackups } from '../backup/stored.ts';
import { upgradeOf } from '../backup/upgrade.ts';
import { print, printJson, tell } from '../output.ts';
import { loadBackupConfig } from './backup.ts';
import { type CommonFlags, exitCodes, reportError, withJson } from './command.ts';
import { concluded, withRestorePorts } from './restore.ts';

interface UpgradeFlags extends CommonFlags {
  readonly check?: boolean;
}

export function addUpgrade(program: Command): void {
  withJson(program.command('upgrade'))
    .description('bring the tables of a stopped version to this Mindora, and verify it')
    .option('--check', 'only tell what would be done')
    .addHelpText(
      'after',
      `
Backs up first. Where the tables can't be changed, goes back to that backup. A start does the same without the way back:
"mindora rollback" is that.

Exit code: 0 upgraded, or nothing to upgrade, and every store agrees; 1 not upgraded, or drift; 2 upgraded, but not
everything could be checked.

Examples:
  mindora upgrade --check
  mindora upgrade --version dao`,
    )
    .action(run);
}

async function run(flags: UpgradeFlags): Promise<void> {
  process.umask(0o077);
  try {
    const source = backupSourceOf(await loadBackupConfig(flags));
    const due = await withStopped(source, () => upgradeOf(source));
    const isAsked = due.length === 0 || flags.check === true;
    process.exitCode = isAsked ? tellDue(due, source, flags) : await upgrade(due, source, flags);
  } catch (error) {
    reportError(error, flags.json === true);
    process.exitCode = exitCodes.failed;
  }
}

function tellDue(due: readonly string[], { version }: BackupSource, flags: UpgradeFlags): number {
  if (flags.json === true) printJson({ status: 'success', due, upgraded: [] });
  else if (due.length === 0) print(`version ${version} has nothing to upgrade`);
  else print(`version ${version} would be upgraded by ${due.join(', ')}`);
  return exitCodes.ok;
}

/** Opening a version backs it up and upgrades it. */
async function upgrade(due: readonly string[], source: BackupSource, flags: UpgradeFlags): Promise<number> {
  const before = new Set(namesOf(source));
  try {
    const code = await concluded({ ...flags, verify: true }, { due, upgraded: due });
    await assertUpgraded(source);
    return code;
  } catch (error) {
    const made = namesOf(source).findLast((name) => !before.has(name));
    if (made !== undefined) await goBack(source, made);
    throw error;
  }
}

/** A server that answers too late leaves the tables to the next start. */
async function assertUpgraded(source: BackupSource): Promise<void> {
  const left = await upgradeOf(source);
  if (left.length > 0) throw new MindoraError('store_unavailable', `not upgraded by ${left.join(', ')}`);
}

async function goBack(source: BackupSource, backup: string): Promise<void> {
  const { state } = await withRestorePorts((ports) => rollBack(source, backup, ports));
  tell(`The upgrade failed: version ${source.version} is back at ${state.name}.`);
}

function namesOf({ backups, version }: BackupSource): string[] {
  return listBackups(backups, version).flatMap(({ name, record }) => (record?.reason === 'upgrade' ? [name] : []));
}
