/**
 * Runs sync in a thread of its own (rule 5). Start it with `Thread.start({ module: syncThread, data, uses })`, where
 * `uses` names the threads of the primary (`primary`), of each store by its role, and of the lexical embedder
 * (`embedder`), where there is one.
 */
import { openEmbeddedBus } from '@mindora/bus';
import type { RetentionPolicy, Role } from '@mindora/contracts';
import {
  type Caller,
  createLogger,
  MindoraError,
  type Peers,
  proxyOf,
  runThread,
  systemClock,
  systemRandom,
} from '@mindora/runtime';
import { connectPrimary, type Target } from '@mindora/stores';
import type { StoreDescription } from '@mindora/stores/create';
import { createEmbedder, type Embedder, type EmbedderOptions } from '@mindora/stores/embedder/index';
import { type Sync, startSync } from './engine.ts';
import { createSyncService } from './service.ts';

/** What the thread is started with: plain values. */
export interface SyncThreadData {
  readonly version: string;
  readonly logLevel: string;
  /** The primary's database, which ledger reads use directly. */
  readonly primaryFile: string;
  readonly busFile: string;
  readonly partitions?: number;
  readonly stores: readonly Role[];
  /** `remote`: the lexical embedder runs in the thread `embedder`. */
  readonly embedder: EmbedderOptions | { readonly kind: 'remote'; readonly model: string; readonly dimensions: number };
  readonly retention: RetentionPolicy;
  readonly relateScoreMin?: number | null;
}

/** What {@link startSync} needs, opened from plain values and peers; `close` closes what was opened here. */
export interface ConnectedSync {
  readonly sync: Sync;
  readonly parts: Awaited<ReturnType<typeof connect>>;
  close(): Promise<void>;
}

/** A peer by name. @throws MindoraError `internal` where the thread was started without it */
function peerOf(peers: Peers, name: string): Caller {
  const caller = peers[name];
  if (caller === undefined) throw new MindoraError('internal', `sync was started without the thread ${name}`);
  return caller;
}

async function connectTarget(peers: Peers, role: Role): Promise<Target> {
  const caller = peerOf(peers, role);
  const description = await proxyOf<{ describe(): Promise<StoreDescription> }>(caller).describe();
  if (description.role !== role) throw new MindoraError('internal', `${role} is served by ${description.role}`);
  return proxyOf<Target>(caller, description);
}

function embedderOf({ embedder }: SyncThreadData, peers: Peers, ports: Parameters<typeof createEmbedder>[1]): Embedder {
  if (embedder.kind !== 'remote') return createEmbedder(embedder, ports);
  const { model, dimensions } = embedder;
  return proxyOf<Embedder>(peerOf(peers, 'embedder'), { model, dimensions, kind: 'lexical' });
}

async function connect(data: SyncThreadData, peers: Peers) {
  const ports = { clock: systemClock(), random: systemRandom() };
  const log = createLogger({ level: data.logLevel, version: data.version, service: 'sync' });
  const targets = new Map<Role, Target>();
  for (const role of data.stores) targets.set(role, await connectTarget(peers, role));
  const primary = connectPrimary(peerOf(peers, 'primary'), data.primaryFile);
  const { busFile: file, partitions, stores: consumers } = data;
  const settings = { file, consumers, logger: log, ...(partitions === undefined ? {} : { partitions }) };
  const bus = await openEmbeddedBus({ ...settings, ...ports });
  return { ...ports, log, targets, primary, bus, embedder: embedderOf(data, peers, ports), retention: data.retention };
}

/** Opens and connects all that sync needs, and starts it. */
export async function connectSync(data: SyncThreadData, peers: Peers): Promise<ConnectedSync> {
  const parts = await connect(data, peers);
  const { relateScoreMin } = data;
  const sync = startSync({ ...parts, ...(relateScoreMin === undefined ? {} : { relateScoreMin }) });
  const close = async (): Promise<void> => {
    await sync.stop();
    await parts.bus.close();
    // A remote embedder belongs to whoever started its thread.
    if (data.embedder.kind !== 'remote') await parts.embedder.close();
    await parts.primary.close();
  };
  return { sync, parts, close };
}

await runThread<SyncThreadData>(async (data, peers) => {
  const { sync, close } = await connectSync(data, peers);
  return { service: createSyncService(sync, {}, {}), close };
});
