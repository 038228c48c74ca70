/** A version without its gateway: the primary, the embedder, all stores and sync, each in its thread, as `mindora up` has them. */
import { mkdirSync } from 'node:fs';
import type { BusSettings } from '@mindora/bus';
import { defaultRetention, type Role, roles } from '@mindora/contracts';
import { Thread } from '@mindora/runtime';
import { type PrimaryLocation, primaryThread, type StoreConnection } from '@mindora/stores';
import { type StoreThreadData, storeThreadModule } from '@mindora/stores/create';
import { lexicalModel, lexicalThreadModule } from '@mindora/stores/embedder/index';
import type { PrimaryService } from '@mindora/stores/primary/client';
import { type SyncService, type SyncThreadData, syncThread } from '@mindora/sync/client';
import { temporaryDirectory } from '@mindora/testing/plain';

export const dimensions = 384;

export interface World {
  /** Where the stores' files lie, each role's in a folder of its own. */
  readonly folderOf: (role: Role) => string;
  readonly primary: PrimaryService;
  readonly sync: SyncService;
  close(): Promise<void>;
}

/** Servers in place of files; a store that isn't named is embedded. */
export interface WorldServers {
  readonly primary: PrimaryLocation;
  readonly bus: BusSettings;
  readonly stores: Readonly<Partial<Record<Role, StoreConnection>>>;
}

/** Opens it on files of its own, or on servers. */
export async function openWorld(servers?: WorldServers): Promise<World> {
  const directory = await temporaryDirectory();
  const parts = servers ?? embedded(directory.file);
  const folderOf = (role: Role): string => directory.file(role);
  const threads: Thread[] = [];
  const start = async <T>(name: string, module: URL, data: T, uses: Record<string, Thread> = {}): Promise<Thread> => {
    const thread = await Thread.start({ name, module, data, uses });
    threads.unshift(thread);
    return thread;
  };
  const primary = await start('primary', primaryThread, parts.primary);
  await primary.proxy<PrimaryService>().migrate();
  const uses: Record<string, Thread> = {
    primary,
    embedder: await start('embedder', lexicalThreadModule, { dimensions }),
  };
  for (const role of roles) {
    mkdirSync(folderOf(role));
    const connection = parts.stores[role];
    const onServer = connection === undefined ? {} : { connection };
    const data: StoreThreadData = { role, directory: folderOf(role), dimensions, ...onServer };
    uses[role] = await start(role, storeThreadModule, data);
  }
  const sync = await start('sync', syncThread, syncData(parts), uses);
  return {
    folderOf,
    primary: primary.proxy<PrimaryService>(),
    sync: sync.proxy<SyncService>(),
    async close() {
      for (const thread of threads) await thread.stop();
      await directory.remove();
    },
  };
}

function embedded(file: (name: string) => string): WorldServers {
  return {
    primary: { file: file('primary.sqlite') },
    bus: { kind: 'embedded', file: file('bus.sqlite') },
    stores: {},
  };
}

function syncData({ primary, bus }: WorldServers): SyncThreadData {
  return {
    version: 'bench',
    logLevel: 'warn',
    primary,
    bus,
    stores: roles,
    embedder: { kind: 'remote', model: lexicalModel, dimensions },
    retention: defaultRetention,
    verifyEveryMs: 0,
  };
}

/** @throws Error where a job fails */
export async function finished(sync: SyncService, started: Promise<{ id: string }>): Promise<Record<string, unknown>> {
  const { id } = await started;
  for (;;) {
    const { state, result, problem } = await sync.job(id, 5000);
    if (state === 'done') return { ...result };
    if (state === 'failed') throw new Error(`a job failed: ${problem?.code} ${problem?.detail}`);
  }
}

/** Waits until every store has all that was written. @throws Error at the deadline */
export async function settled(sync: SyncService, deadlineMs = 120_000): Promise<void> {
  if (!(await sync.quiesce(deadlineMs))) throw new Error('the stores did not settle');
}
