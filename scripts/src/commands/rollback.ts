import { MindoraError } from '@mindora/runtime';
import { migrationNames } from '@mindora/stores/primary/migrations/index';
import { mysql } from '@mindora/stores/primary/mysql';
import { sqlite } from '@mindora/stores/primary/sqlite';
import type { Command } from 'commander';
import { type BackupSource, backupSourceOf } from '../backup/create.ts';
import { discardKept } from '../backup/exchange.ts';
import { type EarlierState, earlierStates, rollBack } from '../backup/rollback.ts';
import { isBeingRestored } from '../backup/settle.ts';
import { removeSuperfluous } from '../backup/stored.ts';
import { print, printJson, table, tell } from '../output.ts';
import { loadBackupConfig } from './backup.ts';
import { type CommonFlags, exitCodes, reportError, withJson } from './command.ts';
import { concluded, tellRest, told, withRestorePorts } from './restore.ts';

interface RollbackFlags extends CommonFlags {
  readonly state?: string;
  readonly list?: boolean;
  readonly discard?: boolean;
  readonly verify: boolean;
}

export function addRollback(program: Command): void {
  withJson(program.command('rollback'))
    .description('go back to the state before the last restore, upgrade or rollback')
    .option('--state <name>', 'go back to this one')
    .option('--list', 'only tell which states are kept')
    .option('--discard', 'remove the states that restores and rollbacks left')
    .option('--no-verify', 'verify at the next start')
    .addHelpText(
      'after',
      `
What a rollback replaces is kept too: a second one undoes the first. After an upgrade, roll back with the Mindora that
wrote the earlier state; a newer one would upgrade it again at its next start.

Exit code: 0 done, and every store agrees; 1 not done, or drift; 2 done, but not everything could be checked.

Examples:
  mindora rollback --list
  mindora rollback`,
    )
    .action(run);
}

async function run(flags: RollbackFlags): Promise<void> {
  process.umask(0o077);
  try {
    const source = backupSourceOf(await loadBackupConfig(flags));
    if (flags.list === true) process.exitCode = list(source, flags);
    else if (flags.discard === true) process.exitCode = discard(source, flags);
    else process.exitCode = await goBack(source, flags);
  } catch (error) {
    reportError(error, flags.json === true);
    process.exitCode = exitCodes.failed;
  }
}

function list(source: BackupSource, flags: RollbackFlags): number {
  const states = earlierStates(source, source.backups);
  if (flags.json === true) {
    printJson({ status: 'success', states: states.map(({ name, at, before }) => ({ name, at, before })) });
  } else {
    print(
      table(
        ['state', 'until', 'before a'],
        states.map(({ name, at, before }) => [name, at, before]),
      ),
    );
  }
  return exitCodes.ok;
}

function discard(source: BackupSource, flags: RollbackFlags): number {
  const { files, version } = source;
  if (isBeingRestored(source)) throw new MindoraError('conflict', `version ${version} is being restored`);
  const none = { keep: 0, keepWeekly: 0 };
  const backups = (['restore', 'rollback'] as const).flatMap((reason) => removeSuperfluous(source, reason, none));
  const discarded = [...discardKept(files, 0), ...backups];
  if (flags.json === true) printJson({ status: 'success', discarded });
  else print(`${discarded.length} states removed`);
  return exitCodes.ok;
}

async function goBack(source: BackupSource, flags: RollbackFlags): Promise<number> {
  const to = flags.state ?? null;
  const { state, kept, erasures } = await withRestorePorts((ports) => rollBack(source, to, ports));
  if (flags.json !== true) {
    print(`back at the state of ${state.at}, before the ${state.before}`);
    tellRest(kept, erasures);
  }
  const verify = flags.verify && !isOlder(state);
  if (flags.verify && !verify)
    tell(`This Mindora would upgrade it again: go on with version ${state.backup?.product}.`);
  return concluded({ ...flags, verify }, { rolled_back_to: state.name, ...told(kept, erasures) });
}

/** Opening it here would change its tables at once. */
function isOlder({ backup }: EarlierState): boolean {
  if (backup === null) return false;
  const own = migrationNames(backup.engine === 'mysql' ? mysql() : sqlite);
  return own.some((name) => !backup.migrations.includes(name));
}
