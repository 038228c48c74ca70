/** The command line `mindora` with all its commands (architecture, section 5). */
import { Command } from 'commander';
import { addBackup } from './commands/backup.ts';
import { addBench } from './commands/bench.ts';
import { addCompose } from './commands/compose.ts';
import { addDoctor } from './commands/doctor.ts';
import { addImport } from './commands/import.ts';
import { addIsolation } from './commands/isolation.ts';
import { addMigrate } from './commands/migrate.ts';
import { addParked } from './commands/parked.ts';
import { addRestore } from './commands/restore.ts';
import { addRollback } from './commands/rollback.ts';
import { addStatus } from './commands/status.ts';
import { addErase, addRebuild, addTouch } from './commands/stores.ts';
import { addUp } from './commands/up.ts';
import { addUpgrade } from './commands/upgrade.ts';
import { addVerify } from './commands/verify.ts';
import { addVersion } from './commands/version.ts';

/** Makes the program; nothing runs before it is given its arguments. */
export function createProgram(): Command {
  const program = new Command('mindora')
    .description('One write API. Every store agrees, and you can prove it.')
    .showHelpAfterError('(mindora --help tells more)')
    .addHelpText(
      'after',
      `
Commands find a running version through DATA/VERSION, or by MINDORA_URL and MINDORA_API_KEY; verify, rebuild, status,
touch, parked, erase, import and migrate also work on a stopped version, through its files.

Examples:
  mindora up
  mindora import conversations.jsonl
  mindora verify --json
  mindora status`,
    );

  for (const add of [
    addUp,
    addImport,
    addMigrate,
    addVerify,
    addRebuild,
    addTouch,
    addStatus,
    addParked,
    addErase,
    addIsolation,
    addBackup,
    addRestore,
    addRollback,
    addUpgrade,
    addDoctor,
    addBench,
    addVersion,
    addCompose,
  ]) {
    add(program);
  }
  return program;
}
