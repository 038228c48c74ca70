/**
 * The state of a version whose primary is on a server, put in the place of another. The commit of the rows decides: it
 * carries the id of the restore, and what was noted before it is carried out by whoever comes next if that id is there,
 * and forgotten if not. Where tables have to go back too, which no transaction covers, the note decides, and all of it
 * is carried out.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MindoraError } from '@mindora/runtime';
import type { PrimaryLocation } from '@mindora/stores';
import { mysql } from '@mindora/stores/primary/mysql';
import type { VersionFiles } from '../../compose/files.ts';
import { flush, moveDurably, writeDurably } from '../durable.ts';
import { placesOf } from '../layout.ts';
import { type Steps, unwatched } from '../ports.ts';
import { primaryCopyName } from '../stored.ts';
import { replaceRows, restoredBy } from './replace.ts';
import { type ServerMigration, serverMigrations, takeBack } from './schema.ts';
import { type ServerSession, withSession } from './session.ts';

/** What is decided before the rows are replaced. */
export interface ServerExchange {
  readonly id: string;
  /** Migrations that the new state hasn't got. */
  readonly takeBack: readonly string[];
  /** Files that come from the staging folder, and files that go without another in their place. */
  readonly arriving: readonly string[];
  readonly leaving: readonly string[];
}

export interface ExchangePorts {
  readonly steps: Steps;
  /** Of this Mindora. */
  readonly migrations?: readonly ServerMigration[];
}

/** Makes the folder that a new state is gathered in, empty. */
export function makeServerStaging(files: VersionFiles): string {
  const { serverStaging } = placesOf(files);
  rmSync(serverStaging, { recursive: true, force: true });
  mkdirSync(serverStaging, { mode: 0o700 });
  return serverStaging;
}

/** Notes what is about to happen. The caller holds the version's lock, and the staging folder is on the disk. */
export function noteExchange(files: VersionFiles, exchange: ServerExchange, { steps }: ExchangePorts): void {
  steps.reached('note it');
  writeDurably(placesOf(files).serverJournal, `${JSON.stringify(exchange, null, 2)}\n`);
}

/** Puts rows and files in place, as noted. @throws MindoraError {@link settleServer} tells what came of it */
export async function carryOutOnServer(
  { files, primary }: ServerPlace,
  exchange: ServerExchange,
  ports: ExchangePorts,
): Promise<void> {
  await withExclusive(primary, (session) => replaceState(session, files, exchange, ports));
  putFilesInPlace(files, exchange, ports.steps);
}

export interface ServerPlace {
  readonly files: VersionFiles;
  readonly primary: PrimaryLocation;
}

/** Nobody else changes the tables meanwhile, and a connection whose process was killed has come to its end. */
async function withExclusive(primary: PrimaryLocation, task: (session: ServerSession) => Promise<void>): Promise<void> {
  if (primary.kind !== 'mysql') {
    throw new MindoraError('conflict', 'a restore was broken off on a server, whose address is not given any more');
  }
  await withSession(primary.url, (session) => mysql().exclusively(session, () => task(session)));
}

async function replaceState(
  session: ServerSession,
  files: VersionFiles,
  { id, takeBack: names }: ServerExchange,
  { steps, migrations = serverMigrations }: ExchangePorts,
): Promise<void> {
  if (names.length > 0) steps.reached('take migrations back');
  await takeBack(session, names, migrations);
  await replaceRows(session, join(placesOf(files).serverStaging, primaryCopyName), id, steps);
}

function putFilesInPlace(files: VersionFiles, { arriving, leaving }: ServerExchange, steps: Steps): void {
  const { serverStaging, serverJournal } = placesOf(files);
  for (const name of arriving) {
    if (!existsSync(join(serverStaging, name))) continue;
    steps.reached(`put ${name} in place`);
    moveDurably(join(serverStaging, name), join(files.directory, name));
  }
  for (const name of leaving) rmSync(join(files.directory, name), { force: true });
  steps.reached('remove the copy');
  rmSync(serverStaging, { recursive: true, force: true });
  steps.reached('forget the note');
  rmSync(serverJournal, { force: true });
  flush(files.directory);
  steps.reached('say so');
}

/**
 * Brings what was broken off to its end: carried out where the rows are the new ones already, else forgotten. The
 * caller holds the version's lock.
 *
 * @returns whether a restore was carried out
 * @throws MindoraError `store_unavailable` while the server is away
 */
export async function settleServer(place: ServerPlace, ports: ExchangePorts = { steps: unwatched }): Promise<boolean> {
  const { files, primary } = place;
  const { serverJournal, serverStaging } = placesOf(files);
  let isNew = false;
  if (existsSync(serverJournal)) {
    const exchange = JSON.parse(readFileSync(serverJournal, 'utf8')) as ServerExchange;
    await withExclusive(primary, async (session) => {
      isNew = (await restoredBy(session)) === exchange.id;
      if (isNew || exchange.takeBack.length === 0) return;
      await replaceState(session, files, exchange, ports);
      isNew = true;
    });
    if (isNew) putFilesInPlace(files, exchange, ports.steps);
  }
  rmSync(serverJournal, { force: true });
  rmSync(serverStaging, { recursive: true, force: true });
  return isNew;
}
