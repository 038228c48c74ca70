import { entityNames, roles } from '@mindora/contracts';
import { type Command, Option } from 'commander';
import type { Operations } from '../operations.ts';
import { print, printJson, table } from '../output.ts';
import { type CommonFlags, exitCodes, withJson, withOperations } from './command.ts';

interface ParkedFlags extends CommonFlags {
  readonly store?: string;
  readonly entity?: string;
  readonly limit?: number;
  readonly all?: boolean;
}

interface ParkedView {
  readonly store: string;
  readonly entity: string;
  readonly id: string;
  readonly version: number;
  readonly attempts: number;
  readonly parkedAt: string;
  readonly reason: string;
}

export function addParked(program: Command): void {
  const parked = program.command('parked').description('records that a store refused for their content');
  withFilter(parked.command('list'))
    .description('list them')
    .option('--limit <n>', 'how many at most', Number, 100)
    .action((flags: ParkedFlags) => withOperations(flags, (operations) => list(operations, flags)));
  withFilter(parked.command('show'))
    .description('one record, with the reason of every store that refused it')
    .argument('<id>', 'id of the record')
    .action((id: string, flags: ParkedFlags) => withOperations(flags, (operations) => show(operations, id, flags)));
  withFilter(parked.command('replay'))
    .description('try them again')
    .argument('[id...]', 'only these records')
    .action((ids: string[], flags: ParkedFlags) =>
      withOperations(flags, (operations) => replay(operations, ids, flags)),
    );
  withFilter(parked.command('drop'))
    .description('forget them; the store goes on without these records, and verify names them as missing')
    .argument('[id...]', 'only these records')
    .option('--all', 'really all that the other options leave')
    .action((ids: string[], flags: ParkedFlags) => withOperations(flags, (operations) => drop(operations, ids, flags)));
}

function withFilter(command: Command): Command {
  return withJson(command)
    .addOption(new Option('--store <role>', 'only of this store').choices(roles))
    .addOption(new Option('--entity <name>', 'only of this entity').choices(entityNames));
}

async function fetchParked(operations: Operations, flags: ParkedFlags): Promise<ParkedView[]> {
  const { store, entity, limit = 1000 } = flags;
  const answer = await operations.call('sync.parked', { query: { store, entity, limit } });
  return answer.parked as ParkedView[];
}

async function list(operations: Operations, flags: ParkedFlags): Promise<number> {
  const records = await fetchParked(operations, flags);
  if (flags.json === true) printJson({ parked: records });
  else if (records.length === 0) print('nothing is parked');
  else print(table(['store', 'entity', 'id', 'version', 'attempts', 'since', 'reason'], records.map(cells)));
  return exitCodes.ok;
}

function cells(record: ParkedView): (string | number)[] {
  return [record.store, record.entity, record.id, record.version, record.attempts, record.parkedAt, record.reason];
}

async function show(operations: Operations, id: string, flags: ParkedFlags): Promise<number> {
  const records = (await fetchParked(operations, flags)).filter((record) => record.id === id);
  if (flags.json === true) printJson({ parked: records });
  else if (records.length === 0) print(`${id} is not parked`);
  for (const record of flags.json === true ? [] : records) {
    print(`${record.store}: ${record.entity} ${record.id} at version ${record.version}`);
    print(`  since ${record.parkedAt}, ${record.attempts} attempts`);
    print(`  ${record.reason}`);
  }
  return records.length > 0 ? exitCodes.ok : exitCodes.failed;
}

function filterOf(ids: readonly string[], flags: ParkedFlags): object {
  const { store, entity } = flags;
  return { store, entity, ...(ids.length === 0 ? {} : { ids }) };
}

async function replay(operations: Operations, ids: readonly string[], flags: ParkedFlags): Promise<number> {
  const answer = await operations.call('sync.replayParked', { body: filterOf(ids, flags) });
  if (flags.json === true) printJson(answer);
  else print(`${answer.replayed} records are tried again`);
  return exitCodes.ok;
}

async function drop(operations: Operations, ids: readonly string[], flags: ParkedFlags): Promise<number> {
  if (ids.length === 0 && flags.all !== true) {
    print('nothing dropped: name the records, or say --all');
    return exitCodes.failed;
  }
  const answer = await operations.call('sync.dropParked', { body: filterOf(ids, flags) });
  if (flags.json === true) printJson(answer);
  else print(`${answer.dropped} entries dropped`);
  return exitCodes.ok;
}
