/**
 * Runs sync in a thread of its own (rule 5). Start it with `Thread.start({ module: syncThread, data, uses })`, where
 * `uses` names the threads of the primary (`primary`), of each store by its role, and of the lexical embedder
 * (`embedder`), where there is one.
 */
import { type BusSettings, openBus } from '@mindora/bus';
import type { RetentionPolicy, Role } from '@mindora/contracts';
import {
  type Caller,
  createLogger,
  MindoraError,
  type Peers,
  proxyOf,
  runThread,
  Secret,
  systemClock,
  systemRandom,
} from '@mindora/runtime';
import { connectPrimary, type GraphStore, type PrimaryLocation, type Target } from '@mindora/stores';
import type { StoreDescription } from '@mindora/stores/create';
import { createEmbedder, type Embedder, type EmbedderOptions } from '@mindora/stores/embedder/index';
import { type Sync, startSync } from './engine.ts';
import type { EraseParts, UserQueries } from './erasure/index.ts';
import { createJobs } from './jobs.ts';
import { createOperations } from './operations.ts';
import { createSyncService } from './service.ts';

/** What the thread is started with: plain values. */
export interface SyncThreadData {
  readonly version: string;
  readonly logLevel: string;
  /** The primary's database, which ledger reads use directly. */
  readonly primary: PrimaryLocation;
  readonly bus: BusSettings;
  readonly partitions?: number;
  readonly stores: readonly Role[];
  /** `remote`: the lexical embedder runs in the thread `embedder`. */
  readonly embedder: EmbedderOptions | { readonly kind: 'remote'; readonly model: string; readonly dimensions: number };
  /** Key of the embedding endpoint in plain text: a {@link Secret} can't be cloned into a thread. */
  readonly embedderApiKey?: string;
  readonly retention: RetentionPolicy;
  readonly relateScoreMin?: number | null;
  /** Pause between scheduled checks with repair; 0: none. */
  readonly verifyEveryMs: number;
  /** How often the special databases are filled (A4.4; default hourly); 0: at once. */
  readonly specialEveryMs?: number;
}

/**
 * Each batch costs every store some requests, however little it holds. Of a steady load, so many passes a second, each in
 * one batch, leave a machine of two cores time for everything else: with four partitions, or a pass each 100 ms, the slower
 * engines fell behind at 100 writes/s (docs/bench.md, freshness).
 */
const onServers = { gatherMs: 200, partitions: 1 } as const;

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

/** A server tells its product and version once it answers: after these calls the store is described anew. */
const telling = ['health', 'migrate'] as const;

async function connectTarget(peers: Peers, role: Role): Promise<Target> {
  const caller = peerOf(peers, role);
  const remote = proxyOf<{ describe(): Promise<StoreDescription> }>(caller);
  let description = await remote.describe();
  if (description.role !== role) throw new MindoraError('internal', `${role} is served by ${description.role}`);
  const target = proxyOf<Target>(caller, description);
  return new Proxy(target, {
    get: (methods, name) => {
      if (name === 'engine') return description.engine;
      const method: unknown = Reflect.get(methods, name);
      if (typeof method !== 'function' || !(telling as readonly unknown[]).includes(name)) return method;
      return async (...given: unknown[]) => {
        const answer: unknown = await method.apply(methods, given);
        description = await remote.describe();
        return answer;
      };
    },
  });
}

function embedderOf(data: SyncThreadData, peers: Peers, ports: Parameters<typeof createEmbedder>[1]): Embedder {
  const { embedder, embedderApiKey } = data;
  if (embedder.kind === 'endpoint' && embedderApiKey !== undefined) {
    return createEmbedder({ ...embedder, apiKey: new Secret(embedderApiKey) }, ports);
  }
  if (embedder.kind !== 'remote') return createEmbedder(embedder, ports);
  const { model, dimensions } = embedder;
  return proxyOf<Embedder>(peerOf(peers, 'embedder'), { model, dimensions, kind: 'lexical' });
}

async function connect(data: SyncThreadData, peers: Peers) {
  const ports = { clock: systemClock(), random: systemRandom() };
  const log = createLogger({ level: data.logLevel, version: data.version, service: 'sync' });
  const targets = new Map<Role, Target>();
  for (const role of data.stores) targets.set(role, await connectTarget(peers, role));
  const primary = connectPrimary(peerOf(peers, 'primary'), data.primary);
  const { stores: consumers } = data;
  const partitions = data.partitions ?? (data.bus.kind === 'embedded' ? undefined : onServers.partitions);
  const options = { consumers, logger: log, ...ports, ...(partitions === undefined ? {} : { partitions }) };
  const bus = await openBus(data.bus, options);
  return { ...ports, log, targets, primary, bus, embedder: embedderOf(data, peers, ports), retention: data.retention };
}

/** Opens and connects all that sync needs, and starts it. */
export async function connectSync(data: SyncThreadData, peers: Peers): Promise<ConnectedSync> {
  const parts = await connect(data, peers);
  const { relateScoreMin, specialEveryMs } = data;
  const sync = startSync({
    ...parts,
    ...(relateScoreMin === undefined ? {} : { relateScoreMin }),
    ...(specialEveryMs === undefined ? {} : { specialEveryMs }),
    gatherMs: data.bus.kind === 'embedded' ? 0 : onServers.gatherMs,
  });
  const close = async (): Promise<void> => {
    await sync.stop();
    await parts.bus.close();
    // A remote embedder belongs to whoever started its thread.
    if (data.embedder.kind !== 'remote') await parts.embedder.close();
    await parts.primary.close();
  };
  return { sync, parts, close };
}

/** What verify and erasure look at: the same ports that sync works with. */
function erasePartsOf({ version }: SyncThreadData, { sync, parts }: ConnectedSync): EraseParts {
  const { clock, bus, embedder, retention, targets, primary } = parts;
  const queries = Object.fromEntries(targets) as UserQueries;
  const relations = targets.get('graph') as GraphStore | undefined;
  return {
    version,
    ledger: primary.ledger,
    targets,
    queries,
    holders: [],
    primaryScrubs: primary.scrubs,
    bus,
    clock,
    embedder,
    retention,
    ...(relations === undefined ? {} : { relations }),
    reconciling: (role) => sync.reconciling(role),
    hold: (role) => sync.hold(role),
  };
}

await runThread<SyncThreadData>(async (data, peers) => {
  const connected = await connectSync(data, peers);
  const { sync, parts } = connected;
  const { log } = parts;
  const eraseParts = erasePartsOf(data, connected);
  const jobs = createJobs(parts);
  const { operations, close } = createOperations({
    sync,
    parts: eraseParts,
    jobs,
    log,
    verifyEveryMs: data.verifyEveryMs,
  });
  const closeBoth = async (): Promise<void> => {
    await close();
    await connected.close();
  };
  return { service: createSyncService(sync, operations), close: closeBoth };
});
