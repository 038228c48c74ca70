import type { SyncStatus } from '@mindora/sync';
import type { Command } from 'commander';
import type { Operations } from '../operations.ts';
import { paint, print, printJson, table } from '../output.ts';
import { type CommonFlags, exitCodes, withJson, withOperations } from './command.ts';

export function addStatus(program: Command): void {
  withJson(program.command('status'))
    .description('stores, positions, lag, parked records, health')
    .addHelpText('after', '\nExit code: 0 healthy, 1 not.\n\nExample:\n  mindora status --json')
    .action((flags: CommonFlags) => withOperations(flags, (operations) => run(operations, flags)));
}

async function run(operations: Operations, flags: CommonFlags): Promise<number> {
  const answer = await operations.call('sync.status');
  const status = answer['sync'] as SyncStatus;
  if (flags.json === true) printJson(status);
  else printStatus(status, operations.source);
  return status.healthy ? exitCodes.ok : exitCodes.failed;
}

function printStatus(status: SyncStatus, source: string): void {
  const { primary, bus, capture } = status;
  const rows = status.stores.map((store) => [
    store.store,
    store.engine,
    paint(store.healthy ? 'green' : 'red', store.state),
    store.lagBatches,
    store.lagMs,
    store.parked,
    store.applied.records,
    store.healthy ? '' : store.detail,
  ]);
  print(table(['store', 'engine', 'state', 'lag (batches)', 'lag (ms)', 'parked', 'applied', ''], rows));
  print(`primary: ${primary.records} records in the ledger, ${primary.pending} pending, ${primary.parked} parked`);
  print(`bus: ${bus.engine}, heads ${bus.heads.join(' ')}; capture ${capture.state}`);
  const verdict = status.healthy ? paint('green', 'healthy') : paint('red', 'not healthy');
  print(`${verdict} (${source})`);
}
