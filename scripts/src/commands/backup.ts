import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MindoraError, systemClock } from '@mindora/runtime';
import { type Command, Option } from 'commander';
import { withArchivist } from '../backup/archivist.ts';
import { type BackupSource, backupSourceOf, createBackup } from '../backup/create.ts';
import { unwatched } from '../backup/ports.ts';
import { type BackupRecord, bytesOf } from '../backup/record.ts';
import { isBeingRestored, settledConfig } from '../backup/settle.ts';
import { sizeText } from '../backup/standing.ts';
import { checkBackup, findBackup, listBackups } from '../backup/stored.ts';
import { tryLock } from '../compose/lock.ts';
import { type Config, loadConfig } from '../config.ts';
import { paint, print, printJson, progress, table } from '../output.ts';
import { type CommonFlags, exitCodes, reportError, withJson } from './command.ts';

interface BackupFlags extends CommonFlags {
  readonly to?: string;
}

const toOption = (): Option =>
  new Option('--to <dir>', 'folder that backups lie in (default: MINDORA_BACKUP_DIRECTORY, else DATA/VERSION/backups)');

export function addBackup(program: Command): void {
  const backup = withJson(program.command('backup'))
    .description('copy a version at one position, while it runs or stopped')
    .addOption(toOption())
    .addHelpText(
      'after',
      `
A backup holds the primary, the version's keys and its settings: a folder that is whole or not there. The other stores
are not in it, a restore fills them from the primary. It holds every key of the version: keep it as you keep those.

Exit code: 0 it is on the disk, 1 not.

Examples:
  mindora backup
  mindora backup --version dao --to /mnt/backups
  mindora backup list
  mindora backup verify future-20261122T124714123Z`,
    )
    .action((flags: BackupFlags) => withBackups(flags, create));
  withJson(backup.command('list'))
    .description('backups that are there, oldest first')
    .addOption(toOption())
    .action((_, command: Command) => withBackups(flagsOf(command), async (source, flags) => list(source, flags)));
  withJson(backup.command('verify'))
    .description('read a backup through: every file has its content, and the copy of the primary opens')
    .argument('<name>', 'name of a backup, or the path of its folder')
    .addOption(toOption())
    .action((name: string, _, command: Command) =>
      withBackups(flagsOf(command), (source, flags) => verify(source, name, flags)),
    );
}

/** Options that a subcommand has in common with the command are the command's, wherever they stand. */
function flagsOf(command: Command): BackupFlags {
  return command.optsWithGlobals<BackupFlags>();
}

/** The configuration for files of a version that may run, or be restored: as it last ran. */
export async function loadBackupConfig(flags: BackupFlags): Promise<Config> {
  const kept = await settledConfig(loadConfig(flags));
  return flags.to === undefined ? kept : { ...kept, backup: { ...kept.backup, directory: resolve(flags.to) } };
}

async function withBackups(
  flags: BackupFlags,
  run: (source: BackupSource, flags: BackupFlags) => Promise<number>,
): Promise<void> {
  // Whatever is made from here on is for its owner alone.
  process.umask(0o077);
  try {
    process.exitCode = await run(backupSourceOf(await loadBackupConfig(flags)), flags);
  } catch (error) {
    reportError(error, flags.json === true);
    process.exitCode = exitCodes.failed;
  }
}

async function create(source: BackupSource, flags: BackupFlags): Promise<number> {
  const shown = flags.json === true ? null : progress('backup');
  const clock = systemClock();
  const onCopied = (bytes: number, total: number): void => shown?.update(bytes, total, 'bytes');
  const record = await whileHeld(source, () =>
    withArchivist((archivist) => createBackup(source, 'command', { clock, archivist, steps: unwatched, onCopied })),
  );
  shown?.end();
  if (flags.json === true) printJson({ status: 'success', backup: record });
  else printBackup(record, source);
  return exitCodes.ok;
}

/** A stopped version stays stopped meanwhile; one that is being restored has no state to copy. */
async function whileHeld<T>({ files, version }: BackupSource, task: () => Promise<T>): Promise<T> {
  if (!existsSync(files.secrets)) return task();
  const unlock = tryLock(files.lock);
  try {
    if (unlock === null && isBeingRestored({ files })) {
      throw new MindoraError('conflict', `version ${version} is being restored`);
    }
    return await task();
  } finally {
    unlock?.();
  }
}

function printBackup(record: BackupRecord, { backups }: BackupSource): void {
  const { name, position, took_ms } = record;
  const what = `${position.records} records at position ${position.changes}`;
  print(`${paint('green', name)}: ${what}, ${sizeText(bytesOf(record))} (${took_ms} ms)`);
  print(paint('dim', join(backups, name)));
}

async function list({ backups, version }: BackupSource, flags: BackupFlags): Promise<number> {
  const found = listBackups(backups, version);
  if (flags.json === true) {
    printJson({ status: 'success', backups: found.map(({ name, record }) => record ?? { name, damaged: true }) });
    return exitCodes.ok;
  }
  const rows = found.map(({ name, record }) =>
    record === null
      ? [name, paint('red', 'damaged'), '', '', '']
      : [name, record.reason, record.position.records, record.position.changes, sizeText(bytesOf(record))],
  );
  print(table(['backup', 'made by', 'records', 'position', 'size'], rows));
  print(`${found.length} of version ${version} in ${backups}`);
  return exitCodes.ok;
}

async function verify({ backups }: BackupSource, name: string, flags: BackupFlags): Promise<number> {
  const record = await withArchivist((archivist) => checkBackup(findBackup(backups, name), archivist));
  if (flags.json === true) printJson({ status: 'success', whole: true, backup: record });
  else {
    print(`${paint('green', 'whole')}: ${Object.keys(record.files).length} files, ${record.position.records} records`);
    print(paint('dim', `ledger root ${record.root}`));
  }
  return exitCodes.ok;
}
