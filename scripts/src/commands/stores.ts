import { entityNames, roles } from '@mindora/contracts';
import { type Command, Option } from 'commander';
import type { Operations } from '../operations.ts';
import { paint, print, printJson, table } from '../output.ts';
import { type CommonFlags, exitCodes, runJob, withJson, withOperations } from './command.ts';

interface StoreFlags extends CommonFlags {
  readonly store: string;
}

export function addRebuild(program: Command): void {
  withJson(program.command('rebuild'))
    .description('wipe one store and fill it from the primary, while writes go on')
    .addOption(new Option('--store <role>', 'the store').choices(roles).makeOptionMandatory())
    .addHelpText('after', '\nExample:\n  mindora rebuild --store fulltext')
    .action((flags: StoreFlags) => withOperations(flags, (operations) => rebuild(operations, flags)));
}

async function rebuild(operations: Operations, flags: StoreFlags): Promise<number> {
  const result = await runJob(operations, 'sync.rebuild', { store: flags.store }, 'rebuild', flags.json === true);
  if (flags.json === true) printJson({ status: 'success', ...result });
  else print(`${flags.store} rebuilt: ${result.records ?? 0} records (${result.took_ms ?? 0} ms)`);
  return exitCodes.ok;
}

interface TouchFlags extends CommonFlags {
  readonly entity: string;
  readonly ids?: string[];
  readonly store?: string;
}

export function addTouch(program: Command): void {
  withJson(program.command('touch'))
    .description('send records to the stores again')
    .addOption(new Option('--entity <name>', 'the entity').choices(entityNames).makeOptionMandatory())
    .option('--ids <id...>', 'only these records')
    .addOption(new Option('--store <role>', 'only to this store').choices(roles))
    .addHelpText('after', '\nExample:\n  mindora touch --entity conversation --store graph')
    .action((flags: TouchFlags) => withOperations(flags, (operations) => touch(operations, flags)));
}

async function touch(operations: Operations, flags: TouchFlags): Promise<number> {
  const { entity, ids, store } = flags;
  const answer = await operations.call('sync.touch', { body: { entity, ids, store } });
  if (flags.json === true) printJson(answer);
  else print(`${answer.touched} records are on their way again`);
  return exitCodes.ok;
}

interface ErasureFlags extends CommonFlags {
  readonly user: string;
}

export function addErase(program: Command): void {
  withJson(program.command('erase'))
    .description('remove a user from every store, and certify that nothing is left')
    .requiredOption('--user <id>', 'the user')
    .addHelpText('after', '\nThere is no way back.\n\nExample:\n  mindora erase --user user_001 --json')
    .action((flags: ErasureFlags) => withOperations(flags, (operations) => erase(operations, flags)));
}

async function erase(operations: Operations, flags: ErasureFlags): Promise<number> {
  const certificate = await runJob(operations, 'sync.erase', { user_id: flags.user }, 'erase', flags.json === true);
  if (flags.json === true) printJson(certificate);
  else printCertificate(certificate as unknown as CertificateView);
  return certificate.ok === true ? exitCodes.ok : exitCodes.failed;
}

interface CertificateView {
  readonly user_id: string;
  readonly erased_at: string;
  readonly records: Readonly<Record<string, number>>;
  readonly stores: Readonly<Record<string, { checked: number; left: number }>>;
  readonly kept: readonly string[];
  readonly ok: boolean;
}

function printCertificate(certificate: CertificateView): void {
  const rows = Object.entries(certificate.stores).map(([role, { checked, left }]) => [role, checked, left]);
  print(table(['store', 'keys looked up', 'left'], rows));
  const records = Object.values(certificate.records).reduce((sum, count) => sum + count, 0);
  const verdict = certificate.ok ? paint('green', 'nothing is left') : paint('red', 'something is left');
  print(`${verdict} of ${certificate.user_id}: ${records} records erased at ${certificate.erased_at}`);
  if (certificate.kept.length > 0) print(paint('dim', `kept by design: ${certificate.kept.join('; ')}`));
}
