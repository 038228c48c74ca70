/** Restores a backup to the server that holds a version's primary. */
import { existsSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Clock, MindoraError } from '@mindora/runtime';
import { mysql } from '@mindora/stores/primary/mysql';
import type { Erasure } from '../adopt.ts';
import { type BackupSource, createBackup } from '../create.ts';
import { type KeptState, keptMax } from '../exchange.ts';
import type { BackupRecord } from '../record.ts';
import type { Restored, RestoreOptions } from '../restore.ts';
import { type RestorePorts, stageBackup } from '../staging.ts';
import { removeSuperfluous } from '../stored.ts';
import { disownBus } from './bus.ts';
import {
  carryOutOnServer,
  type ExchangePorts,
  makeServerStaging,
  noteExchange,
  type ServerExchange,
  settleServer,
} from './exchange.ts';
import { assertMayDrop, makeTables, migrationsOnServer, type ServerLocation, serverMigrations } from './schema.ts';
import { type ServerSession, withSession } from './session.ts';

export interface ServerRestore {
  readonly folder: string;
  readonly record: BackupRecord;
  readonly target: BackupSource;
  readonly primary: ServerLocation;
}

/**
 * The caller holds the version's lock.
 *
 * @throws MindoraError `conflict` where the database is in use or holds records that may not go, `store_unavailable`
 * where the server or the bus is away: then nothing has changed, or the next command finishes it
 */
export async function restoreOnServer(
  it: ServerRestore,
  options: RestoreOptions,
  ports: RestorePorts,
): Promise<Restored> {
  const { record, target } = it;
  const staging = makeServerStaging(target.files);
  let prepared: Prepared;
  try {
    prepared = await prepare(it, staging, options, ports);
  } catch (error) {
    rmSync(staging, { recursive: true, force: true });
    throw error;
  }
  const exchangePorts = { steps: ports.steps, migrations: options.migrations ?? serverMigrations };
  noteExchange(target.files, prepared.exchange, exchangePorts);
  try {
    await carryOutOnServer(target, prepared.exchange, exchangePorts);
  } catch (error) {
    await settleAfter(error, target, exchangePorts);
  }
  removeSuperfluous(target, reasonOf(options), { keep: keptMax, keepWeekly: 0 });
  return { record, kept: prepared.kept, erasures: prepared.erasures };
}

/** Whoever lost the connection at the commit learns what came of it: this returns where the new state is in place. */
async function settleAfter(error: unknown, target: BackupSource, ports: ExchangePorts): Promise<void> {
  const isInPlace = await settleServer(target, ports).catch(() => null);
  if (isInPlace === true) return;
  if (isInPlace === false) throw error;
  const advice = 'whether the backup is in place is not known; the next command that reaches the server settles it';
  throw new MindoraError('store_unavailable', `the server went away in the middle: ${advice}`, { cause: error });
}

interface Prepared {
  readonly exchange: ServerExchange;
  readonly kept: KeptState | null;
  readonly erasures: number | null;
}

async function prepare(
  it: ServerRestore,
  staging: string,
  options: RestoreOptions,
  ports: RestorePorts,
): Promise<Prepared> {
  const { target, primary } = it;
  const present = await withSession(primary.url, (session) => look(session, it, options, ports.clock));
  const erasures = await stageBackup({ ...it, staging, erased: present.erased }, ports);
  ports.steps.reached('disown the bus');
  await disownBus(target.bus, ports);
  const kept = present.isEmpty || options.discard === true ? null : await keepPresent(it, options, ports);
  ports.steps.reached('make the tables');
  const takeBack = await provideTables(it);
  return { exchange: { id: ports.random.id(), takeBack, ...filesThatMove(target, staging) }, kept, erasures };
}

interface Present {
  readonly isEmpty: boolean;
  readonly erased: readonly Erasure[];
}

/** What the database holds, and whether it may be replaced. */
async function look(
  session: ServerSession,
  { target, record }: ServerRestore,
  { replace = false, migrations = serverMigrations }: RestoreOptions,
  clock: Clock,
): Promise<Present> {
  const done = await migrationsOnServer(session);
  if (done === null) return { isEmpty: true, erased: [] };
  const unknown = done.filter((name) => !migrations.some((migration) => migration.name === name));
  if (unknown.length > 0) {
    const what = `the data of version ${target.version} was upgraded by a newer Mindora (${unknown.join(', ')})`;
    throw new MindoraError('conflict', `${what}; restore ${record.name} with that one`);
  }
  if (done.some((name) => !record.migrations.includes(name))) await assertMayDrop(session);
  await assertIdle(session, target.version, clock);
  const [line] = await session.all('SELECT 1 FROM "_ledger" LIMIT 1');
  if (line !== undefined && !replace) {
    const advice = 'give --replace to put the backup in their place; they are backed up before';
    throw new MindoraError('conflict', `the database of version ${target.version} holds records: ${advice}`);
  }
  const erased = (await session.all('SELECT "user_id", "started_at" FROM "_erasures"')) as unknown as Erasure[];
  return { isEmpty: line === undefined, erased };
}

/** Twice as long as a lease stands. */
const leaseMsMax = 6000;
const lookEveryMs = 100;

/** The lock is this machine's; another one may run the version on the same database, and then it has the lease. */
async function assertIdle(session: ServerSession, version: string, clock: Clock): Promise<void> {
  const deadline = clock.now() + leaseMsMax;
  const text = `SELECT 1 FROM "_lease" WHERE "expires_at" > ${mysql().nowMs} LIMIT 1`;
  while ((await session.all(text)).length > 0) {
    if (clock.now() > deadline) {
      throw new MindoraError('conflict', `version ${version} is running elsewhere on the same database; stop it first`);
    }
    await clock.sleep(lookEveryMs);
  }
}

function reasonOf({ keptAs }: RestoreOptions): 'restore' | 'rollback' {
  return keptAs === 'before-rollback' ? 'rollback' : 'restore';
}

/** A backup of what is about to be replaced. */
async function keepPresent({ target, record }: ServerRestore, options: RestoreOptions, ports: RestorePorts) {
  const { name, created_at } = await createBackup(target, reasonOf(options), ports);
  return { name, at: created_at, replaced_by: record.name };
}

/** Makes the tables that the backup needs. @returns migrations that are too many */
async function provideTables({ primary, record }: ServerRestore): Promise<string[]> {
  const read = () => withSession(primary.url, migrationsOnServer);
  const before = (await read()) ?? [];
  if (record.migrations.some((name) => !before.includes(name))) await makeTables(primary);
  const present = (await read()) ?? [];
  return present.filter((name) => !record.migrations.includes(name));
}

/** Keys of an administrator that open nothing any more go. */
function filesThatMove({ files }: BackupSource, staging: string): Pick<ServerExchange, 'arriving' | 'leaving'> {
  const staged = [files.secrets, files.adminKey, files.settings].map((file) => basename(file));
  const arriving = staged.filter((name) => existsSync(join(staging, name)));
  const admin = basename(files.adminKey);
  return { arriving, leaving: arriving.includes(admin) ? [] : [admin] };
}
