/**
 * A version, composed: its threads (primary, embedder, stores, sync) and its services in a broker. The gateway is not
 * part of it, so that commands can work on a stopped version through its files.
 */
import { type Role, roles } from '@mindora/contracts';
import {
  createLogger,
  createPasswords,
  type Logger,
  MindoraError,
  type Passwords,
  type ServiceBroker,
  systemClock,
  systemRandom,
  Thread,
  type Tokens,
} from '@mindora/runtime';
import { createBroker } from '@mindora/runtime/service';
import { createTokens } from '@mindora/runtime/tokens';
import { type Embedder, primaryThread } from '@mindora/stores';
import { connectStore, type StoreByRole, type StoreThreadData, storeThreadModule } from '@mindora/stores/create';
import type { PrimaryService } from '@mindora/stores/primary/client';
import { type SyncService, type SyncThreadData, syncThread } from '@mindora/sync/client';
import { backupSourceOf } from '../backup/create.ts';
import { placeOf, settleAll } from '../backup/settle.ts';
import { guardUpgrade } from '../backup/upgrade.ts';
import type { Config } from '../config.ts';
import { assertAddresses, busSettingsOf, connectionOf, primaryLocationOf } from '../engines.ts';
import { type EmbedderParts, startEmbedder } from './embedder.ts';
import { filesOf, loadSecrets, makeDirectories, type VersionFiles, type VersionSecrets } from './files.ts';
import { tryLock } from './lock.ts';
import { createServices } from './services.ts';

export interface Version {
  readonly files: VersionFiles;
  readonly log: Logger;
  /** Started, with every service but the gateway. */
  readonly broker: ServiceBroker;
  readonly primary: PrimaryService;
  readonly tokens: Tokens;
  readonly sync: SyncService;
  /** Drains sync, ends the threads and gives the lock back. Idempotent. */
  close(): Promise<void>;
}

/** What the services are made of. */
export interface Parts {
  readonly config: Config;
  readonly secrets: VersionSecrets;
  readonly primary: PrimaryService;
  readonly stores: StoreByRole;
  readonly embedder: Embedder;
  readonly sync: SyncService;
  readonly tokens: Tokens;
  readonly passwords: Passwords;
}

const clock = systemClock();
const random = systemRandom();

/** @throws MindoraError `conflict` where another process has the version open */
export async function openVersion(config: Config): Promise<Version> {
  const files = filesOf(config.directory);
  assertAddresses(config.engines);
  // Whatever is made from here on is for its owner alone, also what engines make by themselves.
  process.umask(0o077);
  makeDirectories(files);
  const unlock = tryLock(files.lock);
  if (unlock === null) {
    throw new MindoraError('conflict', `version ${config.manifest.name} is running already in ${config.directory}`);
  }
  const log = createLogger({ level: config.logLevel, version: config.manifest.name });
  const opened: (() => Promise<unknown>)[] = [async () => unlock()];
  const close = closeAll(opened);
  try {
    await settleAll(placeOf(config));
    await guardUpgrade(backupSourceOf(config), log);
    return { ...(await compose(config, files, log, opened)), files, log, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Closes in the opposite order of opening, once; a part that fails to close doesn't keep the others open. */
function closeAll(opened: (() => Promise<unknown>)[]): () => Promise<void> {
  let closing: Promise<void> | null = null;
  const run = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const closeOne of opened.reverse()) await closeOne().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be closed');
  };
  return () => {
    closing ??= run();
    return closing;
  };
}

async function compose(
  config: Config,
  files: VersionFiles,
  log: Logger,
  opened: (() => Promise<unknown>)[],
): Promise<Pick<Version, 'broker' | 'primary' | 'tokens' | 'sync'>> {
  const secrets = loadSecrets(files, random);
  const start = async <T>(name: string, module: URL, data: T, uses: Record<string, Thread> = {}): Promise<Thread> => {
    const onDeath = (error: Error): void => log.error({ thread: name, error: error.message }, 'a thread died');
    // Libraries print stacks of many lines for what they try again; our own lines tell what failed.
    const onOutput = (text: string): void => log.debug({ thread: name, text: text.slice(0, 500) }, 'a library says');
    const thread = await Thread.start({ name, module, data, uses, onDeath, onOutput });
    opened.push(() => thread.stop());
    return thread;
  };
  const location = primaryLocationOf(config.engines, files.primary);
  const primaryAlone = await start('primary', primaryThread, location);
  const [stores, embedding] = await allOf([startStores(config, files, start), startEmbedder(config.embedder, start)]);
  const syncAlone = await start('sync', syncThread, syncData(config, files, embedding.forSync), {
    primary: primaryAlone,
    ...stores.threads,
    ...embedding.threads,
  });
  const sync = syncAlone.proxy<SyncService>();
  const primary = primaryAlone.proxy<PrimaryService>();
  const tokens = createTokens({ secret: secrets.jwt, issuer: config.manifest.name, clock });
  const passwords = createPasswords();
  const parts = { config, secrets, primary, stores: stores.byRole, embedder: embedding.embedder, tokens, passwords };
  const broker = createBroker({ version: config.manifest.name, nodeId: `${config.manifest.name}-${process.pid}`, log });
  for (const service of createServices({ ...parts, sync }, { clock, random })) {
    broker.createService(service);
  }
  await broker.start();
  opened.push(() => broker.stop());
  return { broker, primary, tokens, sync };
}

/** As Promise.all, but a failure waits for the others: what they open is known then, and can be closed. */
async function allOf<T extends readonly unknown[]>(all: readonly [...{ [K in keyof T]: Promise<T[K]> }]): Promise<T> {
  await Promise.allSettled(all);
  return (await Promise.all(all)) as unknown as T;
}

export type StartThread = <T>(name: string, module: URL, data: T, uses?: Record<string, Thread>) => Promise<Thread>;

interface StartedStores {
  readonly byRole: StoreByRole;
  readonly threads: Record<string, Thread>;
}

async function startStores(config: Config, files: VersionFiles, start: StartThread): Promise<StartedStores> {
  const threads: Record<string, Thread> = {};
  const byRole: Partial<Record<Role, StoreByRole[Role]>> = {};
  await allOf(
    roles.map(async (role) => {
      const directory = role === 'personal' ? files.personal : files.stores;
      const { dimensions } = config.embedder;
      const { allowUnsafe } = config.engines;
      const data: StoreThreadData = { role, directory, dimensions, allowUnsafe, ...connectionOf(config.engines, role) };
      const thread = await start(role, storeThreadModule, data);
      threads[role] = thread;
      byRole[role] = await connectStore(role, thread);
    }),
  );
  return { byRole: byRole as StoreByRole, threads };
}

function syncData(config: Config, files: VersionFiles, embedding: EmbedderParts['forSync']): SyncThreadData {
  return {
    version: config.manifest.name,
    logLevel: config.logLevel,
    primary: primaryLocationOf(config.engines, files.primary),
    bus: busSettingsOf(config.engines, files.bus),
    stores: roles,
    ...embedding,
    ...relatedScoreMinOf(config.embedder),
    retention: config.retention,
    verifyEveryMs: config.verifyEveryMs,
    specialEveryMs: config.specialEveryMs,
  };
}

/** Scores of models lie close together, each in a range of its own: there the nearest few are related, by rank alone. */
function relatedScoreMinOf({ endpoint, relatedScoreMin }: Config['embedder']): { relateScoreMin?: number } {
  if (relatedScoreMin !== null) return { relateScoreMin: relatedScoreMin };
  return endpoint === null ? {} : { relateScoreMin: -1 };
}
