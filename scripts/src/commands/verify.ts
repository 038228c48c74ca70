import { setTimeout as pause } from 'node:timers/promises';
import { type Drift, entityNames, roles, type VerifyReport } from '@mindora/contracts';
import { type Command, Option } from 'commander';
import type { Operations } from '../operations.ts';
import { paint, print, printJson, table } from '../output.ts';
import { type CommonFlags, exitCodes, numberBetween, runJob, withJson, withOperations } from './command.ts';

interface VerifyFlags extends CommonFlags {
  readonly store?: string[];
  readonly entity?: string[];
  readonly repair?: boolean;
  readonly dryRun?: boolean;
  readonly watch?: boolean;
  readonly every: number;
  readonly wait: number;
}

const columns = [
  'checked',
  'missing',
  'extra',
  'stale',
  'different',
  'resurrected',
  'pending',
  'parked',
  'repaired',
] as const;

/** Differences shown to people; `--json` lists up to 1,000. */
const differencesShown = 20;

export function addVerify(program: Command): void {
  withJson(program.command('verify'))
    .description('compare what every store holds with the primary, while writes go on')
    .addOption(new Option('--store <role...>', 'only these stores').choices(roles))
    .addOption(new Option('--entity <name...>', 'only these entities').choices(entityNames))
    .option('--repair', 'send what differs again, and check it again')
    .option('--dry-run', 'with --repair: only tell what would be sent')
    .option('--watch', 'go on until interrupted')
    .option('--every <seconds>', 'with --watch: pause between two checks', numberBetween(0, 86_400), 10)
    .option('--wait <seconds>', 'how long to wait for what is on its way', numberBetween(0, 3600), 30)
    .addHelpText(
      'after',
      `
Exit code: 0 every store agrees, 1 drift, 2 could not check (or still on its way after --wait).

Examples:
  mindora verify
  mindora verify --store fulltext graph --json
  mindora verify --repair --dry-run
  mindora verify --watch --every 60`,
    )
    // Whoever asks by exit code must not take a wrong option for drift.
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? exitCodes.ok : exitCodes.unchecked))
    .action((flags: VerifyFlags) => withOperations(flags, (operations) => run(operations, flags), exitCodes.unchecked));
}

async function run(operations: Operations, flags: VerifyFlags): Promise<number> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  for (;;) {
    const code = await once(operations, flags);
    if (flags.watch !== true || interrupted.signal.aborted) return code;
    await pause(flags.every * 1000, undefined, { signal: interrupted.signal }).catch(() => undefined);
    if (interrupted.signal.aborted) return code;
  }
}

async function once(operations: Operations, flags: VerifyFlags): Promise<number> {
  const body = {
    ...(flags.store === undefined ? {} : { stores: flags.store }),
    ...(flags.entity === undefined ? {} : { entities: flags.entity }),
    repair: flags.repair === true,
    dry_run: flags.dryRun === true,
    wait_ms: Math.round(flags.wait * 1000),
  };
  const report = await reportOf(operations, body, flags.json === true);
  if (flags.json === true) printJson(report);
  else printReport(report, flags.store);
  return exitCodeOf(report);
}

async function reportOf(operations: Operations, body: object, quiet: boolean): Promise<VerifyReport> {
  return (await runJob(operations, 'sync.verify', body, 'verify', quiet)) as unknown as VerifyReport;
}

/** Without progress for so long, what is still on its way counts as pending. */
const waitWhollyMs = 60_000;

/**
 * Verifies every store when it was filled, and prints the report.
 *
 * @param told what programs get, made of the report
 * @param repair mends what differs
 * @returns the exit code
 */
export async function verifyWholly(
  operations: Operations,
  json: boolean,
  told: (report: VerifyReport) => object,
  repair = false,
): Promise<number> {
  const report = await reportOf(operations, { repair, dry_run: false, wait_ms: waitWhollyMs }, json);
  if (json) printJson(told(report));
  else printReport(report);
  return exitCodeOf(report);
}

/** Drift is 1; where only lag, or a store that couldn't be asked, stands in the way of agreement it is 2. */
export function exitCodeOf(report: Pick<VerifyReport, 'agree' | 'stores'>): number {
  if (report.agree) return exitCodes.ok;
  const lines = Object.values(report.stores);
  const drift = lines.some(
    (line) => line.missing + line.extra + line.stale + line.different + line.resurrected + line.parked > 0,
  );
  return drift ? exitCodes.failed : exitCodes.unchecked;
}

function printReport(report: VerifyReport, stores: readonly string[] = []): void {
  const rows = Object.entries(report.stores).map(([role, line]) => [
    role,
    line.error === null ? line.engine : paint('red', line.error.detail),
    ...columns.map((column) => line[column]),
  ]);
  print(table(['store', 'engine', ...columns], rows));
  for (const difference of report.differences.slice(0, differencesShown)) print(describe(difference));
  const hidden = report.differences.length - differencesShown;
  if (hidden > 0) print(`... and ${hidden} more; --json lists them`);
  // Of stores that weren't asked nothing is said.
  const all =
    stores.length === 0 ? 'every store agrees' : `${stores.join(', ')} ${stores.length > 1 ? 'agree' : 'agrees'}`;
  const verdict = report.agree ? paint('green', all) : paint('red', 'the stores do not agree');
  const { records, root } = report.ledger;
  print(`${verdict} with ${records} records of version ${report.version} (${report.took_ms} ms)`);
  print(paint('dim', `ledger root ${root}`));
}

function describe(difference: Drift): string {
  const { store, entity, id, kind, cause, fields } = difference;
  const where = fields === undefined || fields.length === 0 ? '' : ` in ${fields.join(', ')}`;
  const why = cause === 'unknown' ? '' : ` (${cause})`;
  return `${paint('yellow', kind)} ${store} ${entity} ${id}${where}${why}`;
}
