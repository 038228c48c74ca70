import type { Role, ScheduledRole } from '@mindora/contracts';
import { type Clock, MindoraError, type Random, systemClock, systemRandom, type Thread } from '@mindora/runtime';
import type { CachePolling } from './cache/client.ts';
import type { CacheStore } from './cache/port.ts';
import type { StoreConnection } from './connection.ts';
import type { DocumentStore } from './documents/port.ts';
import type { FullTextStore } from './fulltext/port.ts';
import type { GraphStore } from './graph/port.ts';
import type { PersonalStore } from './personal/port.ts';
import type { Capabilities, Target } from './port.ts';
import type { RelationalStore } from './relational/port.ts';
import type { SpecialStore } from './special/port.ts';
import type { VectorStore } from './vectors/port.ts';

/** The port of each role's store. */
export interface StoreByRole {
  relational: RelationalStore;
  cache: CacheStore;
  documents: DocumentStore;
  fulltext: FullTextStore;
  graph: GraphStore;
  vectors: VectorStore;
  personal: PersonalStore;
  identity: SpecialStore;
  governance: SpecialStore;
  credit: SpecialStore;
}

export interface StoreOptions {
  /** Where the store's files lie; a directory of the role's own. The cache has none. */
  readonly directory: string;
  /** Length of the vectors, of roles that hold some. */
  readonly dimensions: number;
  /** A real engine; without it the embedded one. */
  readonly connection?: StoreConnection;
  /** Of a real engine: settings that could lose what was acknowledged don't keep it from being used. */
  readonly allowUnsafe?: boolean;
}

/** What a thread of a store is started with: plain values. */
export interface StoreThreadData extends StoreOptions {
  readonly role: Role;
}

export interface StoreDependencies {
  readonly clock: Clock;
  readonly random: Random;
}

/** What a proxy must know without a call. */
export interface StoreDescription {
  readonly role: Role;
  readonly engine: string;
  readonly capabilities: Capabilities;
}

type Create<R extends Role> = (options: StoreOptions & StoreDependencies) => Promise<StoreByRole[R]>;

const file = (options: StoreOptions, role: Role): string => `${options.directory}/${role}.sqlite`;

/** One line a role; an engine is loaded only where it is used. */
const embeddedStores: { readonly [R in Role]: Create<R> } = {
  relational: async (options) => {
    const { SqliteRelational } = await import('./relational/index.ts');
    return new SqliteRelational({ ...options, file: file(options, 'relational') });
  },
  cache: async (options) => {
    const { MemoryCache } = await import('./cache/index.ts');
    return new MemoryCache(options);
  },
  documents: async (options) => {
    const { SqliteDocuments } = await import('./documents/index.ts');
    return new SqliteDocuments({ ...options, file: file(options, 'documents') });
  },
  fulltext: async (options) => {
    const { openFullTextStore } = await import('./fulltext/sqlite.ts');
    return openFullTextStore({ ...options, file: file(options, 'fulltext') });
  },
  graph: async (options) => {
    const { openGraphStore } = await import('./graph/sqlite.ts');
    return openGraphStore({ ...options, file: file(options, 'graph') });
  },
  vectors: async (options) => {
    const { openVectorStore } = await import('./vectors/sqlite.ts');
    return openVectorStore({ ...options, file: file(options, 'vectors') });
  },
  personal: async (options) => {
    const { SqlitePersonal } = await import('./personal/index.ts');
    return new SqlitePersonal(options);
  },
  identity: (options) => special('identity', options),
  governance: (options) => special('governance', options),
  credit: (options) => special('credit', options),
};

async function special(role: ScheduledRole, options: StoreOptions & StoreDependencies): Promise<SpecialStore> {
  const { SqliteSpecial } = await import('./special/sqlite.ts');
  return new SqliteSpecial(role, { ...options, file: file(options, role) });
}

type Connect<R extends Role> = (
  connection: StoreConnection,
  options: StoreOptions & StoreDependencies,
) => Promise<StoreByRole[R]>;

/**
 * Real engines. Making one does no I/O and never fails because of the engine: it connects with the first call, and
 * again by itself.
 */
const realStores: { readonly [R in Role]?: Connect<R> } = {
  identity: async (connection, options) => {
    const { openPostgresSpecial } = await import('./special/postgres.ts');
    return openPostgresSpecial('identity', connection, options);
  },
  governance: (connection, options) => mysqlSpecial('governance', connection, options),
  credit: (connection, options) => mysqlSpecial('credit', connection, options),
  vectors: async (connection, options) => {
    const { openWeaviateVectors } = await import('./vectors/weaviate.ts');
    return openWeaviateVectors(connection, options);
  },
  relational: async (connection, options) => {
    const { openPostgresRelational } = await import('./relational/postgres.ts');
    return openPostgresRelational(connection, options);
  },
  fulltext: async (connection, options) => {
    const { openElasticFullText } = await import('./fulltext/elasticsearch.ts');
    return openElasticFullText({ ...options, connection });
  },
  graph: async (connection, options) => {
    const { openNeo4jGraph } = await import('./graph/neo4j.ts');
    return openNeo4jGraph({ ...options, connection });
  },
  cache: async (connection, options) => {
    const { openRedisCache } = await import('./cache/redis.ts');
    return openRedisCache(connection, options);
  },
  documents: async (connection, options) => {
    const { openMongoDocuments } = await import('./documents/mongodb.ts');
    return openMongoDocuments(connection, options);
  },
};

async function mysqlSpecial(
  role: ScheduledRole,
  connection: StoreConnection,
  options: StoreOptions & StoreDependencies,
): Promise<SpecialStore> {
  const { openMysqlSpecial } = await import('./special/mysql.ts');
  return openMysqlSpecial(role, connection, options);
}

/** The file without which a store is nothing; null where it has none. */
export function storeFile(role: Role, directory: string): string | null {
  if (role === 'cache') return null;
  return role === 'personal' ? `${directory}/index.sqlite` : `${directory}/${role}.sqlite`;
}

/** The store of a role, not yet migrated. @throws MindoraError `invalid_request` where the role has no real engine */
export async function openStore<R extends Role>(
  role: R,
  options: StoreOptions,
  dependencies: StoreDependencies = { clock: systemClock(), random: systemRandom() },
): Promise<StoreByRole[R]> {
  const all = { ...options, ...dependencies };
  if (options.connection === undefined) {
    const create: Create<R> = embeddedStores[role];
    return create(all);
  }
  const connect: Connect<R> | undefined = realStores[role];
  if (connect === undefined) throw new MindoraError('invalid_request', `${role} has no real engine`);
  return connect(options.connection, all);
}

/** Opens the store of a role in this thread, migrated. */
export async function createStore<R extends Role>(
  role: R,
  options: StoreOptions,
  dependencies: StoreDependencies = { clock: systemClock(), random: systemRandom() },
): Promise<StoreByRole[R]> {
  const store = await openStore(role, options, dependencies);
  try {
    await store.migrate();
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

/** The module that {@link Thread.start} runs for a store, with {@link StoreThreadData}. */
export const storeThreadModule = new URL('./thread.ts', import.meta.url);

/** The store that a thread serves, as if it were here. */
export async function connectStore<R extends Role>(
  role: R,
  thread: Thread,
  dependencies: StoreDependencies = { clock: systemClock(), random: systemRandom() },
): Promise<StoreByRole[R]> {
  const description = await thread.proxy<{ describe(): Promise<StoreDescription> }>().describe();
  if (description.role !== role)
    throw new MindoraError('internal', `the thread serves ${description.role}, not ${role}`);
  // Functions can't cross threads: of the cache's methods one is made on this side.
  const constants = role === 'cache' ? { ...description, subscribe: subscribeTo(thread, dependencies) } : description;
  return thread.proxy<Target>(constants) as StoreByRole[R];
}

function subscribeTo(thread: Thread, dependencies: StoreDependencies): CacheStore['subscribe'] {
  const remote = thread.proxy<CachePolling>();
  return async (channel, listener) => {
    const { subscribeByPolling } = await import('./cache/client.ts');
    return subscribeByPolling(remote, dependencies)(channel, listener);
  };
}
