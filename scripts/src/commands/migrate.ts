import { batchItemsMax } from '@mindora/contracts/routes';
import { MindoraError } from '@mindora/runtime';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from '../config.ts';
import { choiceOf } from '../migrate/choice.ts';
import { earlierTables } from '../migrate/layout.ts';
import { isWhole, reportText } from '../migrate/report.ts';
import { type MigrationOptions, migrate } from '../migrate/run.ts';
import { withSource } from '../migrate/source.ts';
import type { Operations } from '../operations.ts';
import { print, printJson, progress } from '../output.ts';
import { type CommonFlags, exitCodes, numberBetween, withJson, withOperations } from './command.ts';

interface MigrateFlags extends CommonFlags {
  readonly dryRun: boolean;
  readonly batch: number;
  readonly users?: string;
  readonly exceptUsers?: string;
  readonly tables?: string[];
  readonly idPrefix: string;
  readonly timeZone: number;
}

/** `mindora migrate`: takes over what an earlier, single database holds. */
export function addMigrate(program: Command): void {
  withJson(program.command('migrate'))
    .description('take over what the earlier single database (ai_main_db) holds, and report on every row')
    .option('--dry-run', 'tell what would be done, and write nothing', false)
    .option('--users <file>', "only what is these users' (one id a line), and the settings")
    .option('--except-users <file>', "all but what is these users'")
    .addOption(new Option('--tables <name...>', 'only these tables').choices(earlierTables.map(({ table }) => table)))
    .option('--id-prefix <text>', 'before ids that the earlier database counted', prefix, '')
    .option('--time-zone <offset>', 'what times without a zone (DATETIME) are in, like +08:00', offset, 0)
    .option('--batch <n>', `rows a request (1-${batchItemsMax})`, numberBetween(1, batchItemsMax, true), 200)
    .addHelpText(
      'after',
      `
MINDORA_MIGRATE_URL says where the earlier database is: mysql://USER:PASSWORD@HOST:PORT/ai_main_db (MySQL or MariaDB).
It is only read, in one snapshot; the right to SELECT is enough. Rows keep their ids and times. Passwords and provider
keys are not carried over.

One run fills one version. By default it takes everything; to split the users among several versions, give each run its
own list. Settings (permissions, rights, configuration, model endpoints) belong to no user and go to every version.

May be interrupted and started again: what is there already is not stored twice.

Exit code: 0 everything is there, 1 some rows were refused or are there with other content (the report names them).

Examples:
  mindora migrate --dry-run
  mindora migrate --time-zone +08:00
  mindora migrate --version dao --users dao-users.txt --json`,
    )
    .action((flags: MigrateFlags) => withOperations(flags, (operations, config) => run(operations, config, flags)));
}

async function run(operations: Operations, config: Config, flags: MigrateFlags): Promise<number> {
  const url = config.migrateFrom?.reveal();
  if (url === undefined) {
    throw new MindoraError('invalid_request', 'MINDORA_MIGRATE_URL must say where the earlier database is');
  }
  const options: MigrationOptions = {
    version: config.manifest.name,
    dryRun: flags.dryRun,
    batch: flags.batch,
    choice: choiceOf(flags.users, flags.exceptUsers),
    tables: flags.tables ?? null,
    idPrefix: flags.idPrefix,
    offsetMinutes: flags.timeZone,
  };
  const report = await withSource(url, (source) => migrate(source, operations, options, progress('migrate')));
  const whole = isWhole(report);
  if (flags.json === true) printJson({ status: 'success', whole, ...report });
  else print(reportText(report));
  return whole ? exitCodes.ok : exitCodes.failed;
}

/** Ids have 36 characters at most, and the longest number that a database counts has 20. */
function prefix(text: string): string {
  if (/^[A-Za-z0-9_-]{1,16}$/.test(text)) return text;
  throw new InvalidArgumentError('Give 1 to 16 letters, digits, - and _.');
}

function offset(text: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):([0-5]\d)$/.exec(text) ?? [];
  const size = Number(hours) * 60 + Number(minutes);
  if (sign !== undefined && size <= 14 * 60) return sign === '-' ? -size : size;
  throw new InvalidArgumentError('Give an offset from UTC, from -14:00 to +14:00.');
}
