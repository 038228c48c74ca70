import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '@mindora/runtime';
import type { SyncStatus } from '@mindora/sync';
import type { Command } from 'commander';
import { backupSourceOf } from '../backup/create.ts';
import { type BackupStanding, backupStanding, standingText } from '../backup/standing.ts';
import type { Config } from '../config.ts';
import type { Operations } from '../operations.ts';
import { paint, print, printJson, table } from '../output.ts';
import { type CommonFlags, exitCodes, withJson, withOperations } from './command.ts';

export function addStatus(program: Command): void {
  withJson(program.command('status'))
    .description('stores, positions, lag, parked records, health, the newest backup')
    .addHelpText('after', '\nExit code: 0 healthy, 1 not.\n\nExample:\n  mindora status --json')
    .action((flags: CommonFlags) => withOperations(flags, (operations, config) => run(operations, config, flags)));
}

async function run(operations: Operations, config: Config, flags: CommonFlags): Promise<number> {
  const status = await settledStatus(operations);
  const backup = standingOf(config);
  if (flags.json === true) printJson({ ...status, backup });
  else printStatus(status, backup, operations.source);
  return status.healthy ? exitCodes.ok : exitCodes.failed;
}

const settleMs = 60_000;
const lookAgainMs = 100;

/**
 * Stores that were only just opened are still being looked through, and memory filled: that is no lack of health.
 *
 * @param patienceMs how long that is waited for, where the version was opened for this command
 */
export async function settledStatus(operations: Operations, patienceMs = settleMs): Promise<SyncStatus> {
  const deadline = performance.now() + (operations.running ? 0 : patienceMs);
  for (;;) {
    const status = (await operations.call('sync.status')).sync as SyncStatus;
    const opening = status.stores.some(({ state }) => state === 'starting' || state === 'reconciling');
    if (!opening || performance.now() >= deadline) return status;
    await pause(lookAgainMs);
  }
}

/** Backups lie with the version's files, of which nothing is known where it was named by its address. */
function standingOf(config: Config): BackupStanding | null {
  return config.remote.url === null ? backupStanding(backupSourceOf(config), config.backup, systemClock()) : null;
}

function printStatus(status: SyncStatus, backup: BackupStanding | null, source: string): void {
  const { primary, bus, capture } = status;
  const rows = status.stores.map((store) => [
    store.store,
    store.engine,
    paint(store.healthy ? 'green' : 'red', stateOf(store)),
    store.lagBatches,
    store.lagMs,
    store.parked,
    store.applied.records,
    store.healthy ? '' : store.detail,
  ]);
  print(table(['store', 'engine', 'state', 'lag (batches)', 'lag (ms)', 'parked', 'applied', ''], rows));
  print(`primary: ${primary.records} records in the ledger, ${primary.pending} pending, ${primary.parked} parked`);
  print(`bus: ${bus.engine}, heads ${bus.heads.join(' ')}; capture ${capture.state}`);
  if (backup !== null) print(paintIf(backup.overdue, `backup: ${standingText(backup)}`));
  const verdict = status.healthy ? paint('green', 'healthy') : paint('red', 'not healthy');
  print(`${verdict} (${source})`);
}

function paintIf(isBad: boolean, text: string): string {
  return isBad ? paint('red', text) : text;
}

/** A store that is filled on a schedule may be behind while it rests (A4.4). */
function stateOf({ state, everyMs, filling }: SyncStatus['stores'][number]): string {
  return state === 'running' && everyMs !== null && !filling ? 'resting' : state;
}
