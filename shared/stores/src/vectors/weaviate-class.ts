/** One class of Weaviate, in the few requests that the store needs. Each is bounded, and each result is checked. */
import { MindoraError } from '@mindora/runtime';
import weaviate, { type FilterValue, type WeaviateClient } from 'weaviate-client';
import { type WeaviateConnection, writeTimeoutSeconds } from './weaviate-connection.ts';

export type Properties = Record<string, string | number>;

/** An object to write. */
export interface NewObject {
  readonly id: string;
  readonly properties: Properties;
  readonly vector: Float32Array | null;
}

/** An object that was read. Times come as the client makes them. */
export interface ReadObject {
  readonly uuid: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly vector: readonly number[] | null;
  readonly distance: number | null;
}

/** What is read of objects: these properties (all where null), and their vectors. */
export interface Wanted {
  readonly properties: readonly string[] | null;
  readonly vector: boolean;
}

export interface Nearest {
  readonly vector: Float32Array;
  readonly limit: number;
  readonly filter: FilterValue | null;
  readonly properties: readonly string[];
}

/**
 * The seed has 100 (A6.2), but each request costs the engine some 50 objects more: so about as many as a batch holds,
 * and few enough for a busy engine to be done in time.
 */
const objectsPerWrite = 250;
const charactersPerWrite = 8 * 1024 * 1024;
const idsPerRequest = 1_000;
/** Most that the engine deletes or finds by one request, unless it was set lower. */
const foundMax = 10_000;
/** Requests at once, where each is for one object. */
const singlesAtOnce = 8;
/** A search looks at no fewer than it is to find: whom a narrow one misses, a wide one may still come to. */
const reachLimits = [10, 2_000];
const equalDistance = 1e-5;
const deletionsMax = 100_000;

/** What the client offers of a collection, as far as it is used. */
interface Client {
  readonly data: {
    deleteMany(filter: FilterValue): Promise<{ readonly failed: number; readonly successful: number }>;
  };
  readonly query: {
    fetchObjects(options: object): Promise<{ readonly objects: readonly Answered[] }>;
    nearVector(vector: readonly number[], options: object): Promise<{ readonly objects: readonly Answered[] }>;
  };
}

interface PutAnswer {
  readonly id: string;
  readonly result?: { readonly status?: string };
}

interface Answered {
  readonly uuid: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly vectors?: { readonly default?: readonly number[] };
  readonly metadata?: { readonly distance?: number };
}

export class WeaviateClass {
  readonly name: string;
  readonly #connection: WeaviateConnection;

  constructor(connection: WeaviateConnection, name: string) {
    this.#connection = connection;
    this.name = name;
  }

  /**
   * Writes objects in place of those with the same UUID.
   *
   * @returns UUIDs of those whose content the engine refuses
   */
  async put(objects: readonly NewObject[]): Promise<Set<string>> {
    const refused = new Set<string>();
    for (const chunk of chunksBySize(objects)) {
      for (const uuid of await this.#putSome(chunk)) refused.add(uuid);
    }
    return refused;
  }

  /** Removes objects; those that are not there are none the less removed. */
  async remove(uuids: readonly string[]): Promise<void> {
    for (const ids of chunksOf(uuids, idsPerRequest)) await this.#delete(weaviate.filter.byId().containsAny([...ids]));
  }

  /** Removes what a filter finds, in parts that are done in time; how many. */
  async removeWhere(filter: FilterValue): Promise<number> {
    let removed = 0;
    while (removed < deletionsMax) {
      const some = await this.#fetch({ filters: filter, limit: idsPerRequest }, { properties: [], vector: false });
      if (some.length === 0) break;
      await this.remove(some.map(({ uuid }) => uuid));
      removed += some.length;
    }
    return removed;
  }

  /**
   * Makes sure that queries find what was just put. An engine that was killed may have kept an object and lost its
   * entries in the indexes; put in place of it, one that is the same isn't entered anew: it has to go first.
   *
   * @throws MindoraError `store_unavailable` where they don't all the same
   */
  async ensure(objects: readonly NewObject[]): Promise<void> {
    const lost = await this.#unfound(objects);
    if (lost.length === 0) return;
    await this.erase(lost.map(({ id }) => id));
    const refused = await this.put(lost);
    if (refused.size > 0 || (await this.#unfound(lost)).length > 0) {
      throw new MindoraError('store_unavailable', `Weaviate took ${lost.length} objects and doesn't find them`);
    }
  }

  /** Removes objects also where no query finds them; one by one, so only for few. */
  async erase(uuids: readonly string[]): Promise<void> {
    await eachOf(uuids, async (uuid) => {
      const path = `${this.#pathOf(uuid)}?consistency_level=QUORUM`;
      const { status } = await this.#connection.change(() => this.#connection.rest('DELETE', path));
      if (status >= 300 && status !== 404) {
        throw new MindoraError('store_unavailable', `Weaviate answers ${status} to the removal of an object`);
      }
    });
  }

  /** Objects by their UUIDs also where no query finds them; one by one, so only for few. Their vectors are left out. */
  async kept(uuids: readonly string[]): Promise<Map<string, ReadObject>> {
    const found = new Map<string, ReadObject>();
    await eachOf(uuids, async (uuid) => {
      const { status, body } = await this.#connection.rest('GET', this.#pathOf(uuid));
      if (status === 404) return;
      if (status !== 200) throw new MindoraError('store_unavailable', `Weaviate answers ${status} for an object`);
      const { properties } = body as Pick<ReadObject, 'properties'>;
      found.set(uuid, { uuid, properties, vector: null, distance: null });
    });
    return found;
  }

  /** Objects by their UUIDs, as far as they are there. */
  async get(uuids: readonly string[], wanted: Wanted): Promise<Map<string, ReadObject>> {
    const found = new Map<string, ReadObject>();
    for (const ids of chunksOf([...new Set(uuids)], idsPerRequest)) {
      for (const object of await this.#getSome(ids, wanted)) found.set(object.uuid, object);
    }
    return found;
  }

  find(filter: FilterValue, wanted: Wanted): Promise<ReadObject[]> {
    return this.#fetch({ filters: filter, limit: foundMax }, wanted);
  }

  /** Objects with a UUID above `after`, in the order of UUIDs. */
  page(after: string | null, limit: number, wanted: Wanted): Promise<ReadObject[]> {
    return this.#fetch({ limit, ...(after === null ? {} : { after }) }, wanted);
  }

  /** Nearest first. */
  async nearest({ vector, limit, filter, properties }: Nearest): Promise<ReadObject[]> {
    const options = {
      limit,
      returnMetadata: ['distance'],
      returnProperties: [...properties],
      ...(filter === null ? {} : { filters: filter }),
    };
    const { objects } = await this.#call(({ query }) => query.nearVector(Array.from(vector), options));
    return objects.map(readObject);
  }

  /** By REST: the client's own way through gRPC makes every batch take half a second, and repeats it unasked. */
  async #putSome(objects: readonly NewObject[]): Promise<string[]> {
    const body = `{"objects":[${objects.map((object) => objectJson(this.name, object)).join(',')}]}`;
    const path = '/batch/objects?consistency_level=QUORUM';
    const options = { body, timeoutSeconds: writeTimeoutSeconds };
    const { status, body: answer } = await this.#connection.change(() => this.#connection.rest('POST', path, options));
    if (status !== 200 || !Array.isArray(answer) || answer.length !== objects.length) {
      throw new MindoraError('store_unavailable', `Weaviate answers ${status} to a batch`);
    }
    const failed = (answer as PutAnswer[]).filter(({ result }) => result?.status !== 'SUCCESS');
    if (!failed.every(({ result }) => blamesContent(JSON.stringify(result)))) {
      throw new MindoraError('store_unavailable', 'Weaviate took not every object of a batch');
    }
    return failed.map(({ id }) => id);
  }

  /**
   * Which of these objects the vector index knows. An engine that was killed may have lost the index's last entries and
   * kept the objects. (Among so few, the engine compares with each that its index has, and leaves out the others.)
   */
  async indexed(uuids: readonly string[], vector: Float32Array): Promise<Set<string>> {
    const known = new Set<string>();
    for (const ids of chunksOf(uuids, idsPerRequest)) {
      const filter = weaviate.filter.byId().containsAny([...ids]);
      for (const { uuid } of await this.nearest({ vector, limit: ids.length, filter, properties: [] })) known.add(uuid);
    }
    return known;
  }

  /**
   * Which of these objects a query with their own vector comes to. The index is a graph: after a kill some may be listed
   * in it with no way to them; so may be, rarely, what many updates around it left alone (Xiao et al. 2024, "Enhancing
   * HNSW Index for Real-Time Updates: Addressing Unreachable Points and Performance Degradation").
   */
  async reachable(objects: readonly Pick<ReadObject, 'uuid' | 'vector'>[]): Promise<Set<string>> {
    const reached = new Set<string>();
    await eachOf(objects, async ({ uuid, vector }) => {
      if (vector === null) return;
      for (const limit of reachLimits) {
        const query = { vector: Float32Array.from(vector), limit, filter: null, properties: [] };
        const found = await this.nearest(query);
        // Among so many that are equal it needn't be told itself.
        const isAmongEqual = (found.at(-1)?.distance ?? 1) < equalDistance;
        if (!isAmongEqual && !found.some((one) => one.uuid === uuid)) continue;
        reached.add(uuid);
        return;
      }
    });
    return reached;
  }

  async #unfound(objects: readonly NewObject[]): Promise<NewObject[]> {
    if (objects.length === 0) return [];
    const ids = objects.map(({ id }) => id);
    const found = await this.get(ids, { properties: [], vector: false });
    return objects.filter(({ id }) => !found.has(id));
  }

  #pathOf(uuid: string): string {
    return `/objects/${this.name}/${uuid}`;
  }

  /** An answer has a greatest size; where the objects are too large for it, they come in halves. */
  async #getSome(uuids: readonly string[], wanted: Wanted): Promise<ReadObject[]> {
    try {
      const filters = weaviate.filter.byId().containsAny([...uuids]);
      return await this.#fetch({ filters, limit: uuids.length }, wanted);
    } catch (error) {
      if (uuids.length === 1 || !isTooLarge(error)) throw error;
      const half = uuids.length >> 1;
      const first = await this.#getSome(uuids.slice(0, half), wanted);
      return [...first, ...(await this.#getSome(uuids.slice(half), wanted))];
    }
  }

  async #fetch(options: object, { properties, vector }: Wanted): Promise<ReadObject[]> {
    const returned = properties === null ? {} : { returnProperties: [...properties] };
    const { objects } = await this.#call(({ query }) =>
      query.fetchObjects({ ...options, ...returned, includeVector: vector }),
    );
    return objects.map(readObject);
  }

  async #delete(filter: FilterValue): Promise<number> {
    const { failed, successful } = await this.#connection.change(() =>
      this.#call(({ data }) => data.deleteMany(filter)),
    );
    if (failed > 0) throw new MindoraError('store_unavailable', `Weaviate could not delete ${failed} objects`);
    return successful;
  }

  #call<T>(work: (collection: Client) => Promise<T>): Promise<T> {
    return this.#connection.call((client) => work(this.#collection(client)));
  }

  /** Where there are several nodes, most of them have a write, and are asked for a read. */
  #collection(client: WeaviateClient): Client {
    return client.collections.use(this.name).withConsistency('QUORUM') as unknown as Client;
  }
}

interface Comparisons {
  equal(value: string): FilterValue;
  lessThan(value: number): FilterValue;
  lessOrEqual(value: number): FilterValue;
  greaterThan(value: number): FilterValue;
}

/** A condition on a property. Values are sent beside the query, never in it. */
export function where(property: string): Comparisons {
  return weaviate.filter.byProperty(property) as unknown as Comparisons;
}

/** Numbers of a vector keep their sign also where they are zero, which JSON.stringify drops. */
function objectJson(name: string, { id, properties, vector }: NewObject): string {
  const facts = JSON.stringify({ class: name, id, properties }).slice(0, -1);
  if (vector === null) return `${facts}}`;
  return `${facts},"vector":[${Array.from(vector, (value) => (Object.is(value, -0) ? '-0' : String(value))).join(',')}]}`;
}

function readObject({ uuid, properties, vectors, metadata }: Answered): ReadObject {
  const vector = vectors?.default;
  return {
    uuid,
    properties,
    vector: vector === undefined || vector.length === 0 ? null : vector,
    distance: metadata?.distance ?? null,
  };
}

/** What the engine says of an object that it will never take. All else is its own failure, and tried again. */
function blamesContent(message: string): boolean {
  return /invalid (object|property|text|date|number|vector)|vector lengths? |dimension|no such prop/i.test(message);
}

function isTooLarge(error: unknown): boolean {
  const cause = error instanceof MindoraError ? error.cause : error;
  return cause instanceof Error && /RESOURCE_EXHAUSTED|larger than max/i.test(cause.message);
}

/** Parts of a list, in order. */
export function* chunksOf<T>(list: readonly T[], length: number): Generator<readonly T[]> {
  for (let at = 0; at < list.length; at += length) yield list.slice(at, at + length);
}

/** A task for each, some at a time. The first that fails is told when those with it have ended. */
async function eachOf<T>(list: readonly T[], task: (one: T) => Promise<void>): Promise<void> {
  for (const some of chunksOf(list, singlesAtOnce)) {
    const results = await Promise.allSettled(some.map(task));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}

function* chunksBySize(objects: readonly NewObject[]): Generator<readonly NewObject[]> {
  let chunk: NewObject[] = [];
  let size = 0;
  for (const object of objects) {
    const more = sizeOf(object);
    if (chunk.length > 0 && (chunk.length === objectsPerWrite || size + more > charactersPerWrite)) {
      yield chunk;
      chunk = [];
      size = 0;
    }
    chunk.push(object);
    size += more;
  }
  if (chunk.length > 0) yield chunk;
}

function sizeOf({ properties, vector }: NewObject): number {
  let size = 4 * (vector?.length ?? 0);
  for (const value of Object.values(properties)) size += typeof value === 'string' ? value.length : 8;
  return size;
}
