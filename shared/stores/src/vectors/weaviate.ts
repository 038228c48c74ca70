/**
 * Vectors on Weaviate (A2.4): the classes AIConversation and AIAnalysis with vectors of our own.
 *
 * Each object bears the version it is of; a class beside them keeps tombstones, positions and the label. One writer at
 * a time reads what is there before it writes (`weaviate-writer.ts` says in which order), and ids are put in order by
 * `weaviate-window.ts`.
 */
import { documentOf, type EntityName, entitiesOf, type RecordKey } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import type { StoreConnection } from '../connection.ts';
import { assertLimit, refusedContents } from '../embedded/index.ts';
import type {
  ApplyBatch,
  ApplyResult,
  Capabilities,
  ScanPage,
  StoredRecord,
  StoreHealth,
  StorePosition,
} from '../port.ts';
import type { NearestQuery, Neighbour, VectorStore } from './port.ts';
import { WeaviateClass, where } from './weaviate-class.ts';
import { lateWritesMs, parseWeaviateUrl, WeaviateConnection } from './weaviate-connection.ts';
import { WeaviateLedger } from './weaviate-ledger.ts';
import { nearestIn } from './weaviate-nearest.ts';
import { type ContentClass, type Depth, WeaviateReader } from './weaviate-reader.ts';
import { classPrefix, contentClassName, expiryProperty, ledgerClassName, WeaviateSchema } from './weaviate-schema.ts';
import { Turns } from './weaviate-turns.ts';
import { Windows } from './weaviate-window.ts';
import { WeaviateWriter } from './weaviate-writer.ts';

export interface WeaviateOptions {
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  /** Of all vectors; 384 where not given. */
  readonly dimensions?: number;
  /** Ids held in memory to put them in order; a smaller one makes more passes. */
  readonly windowIdsMax?: number;
}

const dimensionsDefault = 384;
/** The engine's own bound. */
const dimensionsMax = 65_535;
const waitingMax = 256;
const indexingEveryMs = 50;
const indexingMaxMs = 10_000;

/**
 * The vector store on a Weaviate, `http://:KEY@HOST:PORT?grpc=PORT`. Names of its classes begin with the connection's
 * namespace; leave that empty where a version has the server for itself, so that they are those of A2.4.
 *
 * @throws MindoraError `invalid_request` where the address, the namespace or the dimensions are not valid
 */
export function openWeaviateVectors(connection: StoreConnection, options: WeaviateOptions): VectorStore {
  const dimensions = options.dimensions ?? dimensionsDefault;
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > dimensionsMax) {
    throw new MindoraError('invalid_request', `dimensions must be 1 to ${dimensionsMax}`);
  }
  return new WeaviateVectors(connection, { ...options, dimensions });
}

class WeaviateVectors implements VectorStore {
  readonly role = 'vectors';
  readonly capabilities: Capabilities;
  readonly #clock: Pick<Clock, 'now' | 'sleep'>;
  readonly #connection: WeaviateConnection;
  readonly #schema: WeaviateSchema;
  readonly #contents: ReadonlyMap<EntityName, ContentClass>;
  readonly #ledger: WeaviateLedger;
  readonly #reader: WeaviateReader;
  readonly #writer: WeaviateWriter;
  readonly #windows: Windows;
  readonly #turns = new Turns(waitingMax);
  /**
   * The server was started since each object was last looked for in the index: the next comparison does, and notes it
   * by the label that ends it.
   */
  #isSearchDue = true;
  /** Entities that were looked through. */
  readonly #searched = new Set<EntityName>();

  constructor({ url, namespace }: StoreConnection, options: WeaviateOptions & { readonly dimensions: number }) {
    const { clock, dimensions } = options;
    const prefix = classPrefix(namespace);
    const now = (): number => clock.now();
    const anyVector = new Float32Array(dimensions).fill(1);
    this.#clock = clock;
    this.capabilities = capabilitiesFor(dimensions);
    this.#connection = new WeaviateConnection(parseWeaviateUrl(url));
    this.#schema = new WeaviateSchema(this.#connection, prefix, dimensions);
    this.#contents = contentsOf(this.#connection, prefix);
    this.#ledger = new WeaviateLedger(new WeaviateClass(this.#connection, ledgerClassName(prefix)));
    const undisturbed = <T>(task: () => Promise<T>): Promise<T> => this.#turns.run(task);
    this.#reader = new WeaviateReader({
      ledger: this.#ledger,
      now,
      undisturbed,
      anyVector,
    });
    const enumerate = (entity: EntityName): AsyncIterable<readonly string[]> => this.#reader.ids(this.#content(entity));
    this.#windows = new Windows(enumerate, now, options.windowIdsMax);
    this.#writer = new WeaviateWriter({
      contents: this.#contents,
      reader: this.#reader,
      ledger: this.#ledger,
      dimensions,
      anyVector,
      now,
      onWritten: (entity, id) => this.#windows.add(entity, id),
    });
  }

  get engine(): string {
    const { version } = this.#connection;
    return version === null ? 'Weaviate' : `Weaviate ${version}`;
  }

  migrate(): Promise<void> {
    return this.#write(async () => {
      await this.#connection.noteRun();
      const state = await this.#schema.state();
      if (state === 'absent') await this.#schema.create();
      else if (state === 'other' || (await this.#ledger.mark('wiping')) !== null) await this.#empty();
      else await this.#schema.tune();
      this.#searched.clear();
      this.#isSearchDue =
        this.#connection.run === null || (await this.#ledger.mark('searched')) !== this.#connection.run;
    });
  }

  apply(batch: ApplyBatch): Promise<ApplyResult[]> {
    return this.#write(() => this.#writer.apply(batch));
  }

  async get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    this.#connection.assertOpen();
    const found = new Map<string, StoredRecord | null>();
    for (const [entity, content] of this.#contents) {
      const ids = [...new Set(keys.filter((key) => key.entity === entity).map(({ id }) => id))];
      const records = ids.length === 0 ? [] : await this.#reader.records(content, ids, 'whole');
      for (const [i, id] of ids.entries()) found.set(`${entity}\0${id}`, records[i] ?? null);
    }
    return keys.map(({ entity, id }) => found.get(`${entity}\0${id}`) ?? null);
  }

  scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#page(entity, after, limit, 'whole');
  }

  async scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    if (!this.#isSearchDue) return this.#page(entity, after, limit, 'versions');
    const page = await this.#page(entity, after, limit, 'searched');
    if (page.next === null) this.#searched.add(entity);
    return page;
  }

  async nearest(query: NearestQuery): Promise<Neighbour[]> {
    return nearestIn(this.#content(query.entity), query, this.capabilities.dimensions, this.#clock.now());
  }

  async refresh(): Promise<void> {
    if ((await this.#schema.state()) !== 'whole') {
      throw new MindoraError('store_unavailable', 'a class of Weaviate is missing or was changed');
    }
    this.#windows.clear();
    const endsAt = this.#clock.now() + indexingMaxMs;
    while ((await this.#schema.unindexed()) > 0) {
      if (this.#clock.now() > endsAt) throw new MindoraError('store_unavailable', 'Weaviate is still indexing vectors');
      await this.#clock.sleep(indexingEveryMs);
    }
  }

  positions(): Promise<StorePosition[]> {
    return this.#ledger.positions();
  }

  setPositions(positions: readonly StorePosition[]): Promise<void> {
    return this.#write(() => this.#ledger.setPositions(positions));
  }

  async label(): Promise<string | null> {
    await this.#connection.assertSameRun();
    return this.#ledger.mark('label');
  }

  setLabel(label: string): Promise<void> {
    return this.#write(async () => {
      await this.#ledger.setMark('label', label);
      const { run } = this.#connection;
      if (run === null || [...this.#contents.keys()].some((entity) => !this.#searched.has(entity))) return;
      await this.#ledger.setMark('searched', run);
      this.#isSearchDue = false;
    });
  }

  purge(deletedBefore: number): Promise<number> {
    return this.#write(async () => {
      let purged = await this.#ledger.forgetBuried(deletedBefore);
      const expired = where(expiryProperty).lessOrEqual(this.#clock.now());
      for (const content of this.#contents.values()) purged += await content.class.removeWhere(expired);
      return purged;
    });
  }

  /** The engine overwrites what was deleted when it packs its files, and can't be told when (rule 16: on servers). */
  async scrub(): Promise<void> {
    this.#connection.assertOpen();
  }

  async health(): Promise<StoreHealth> {
    try {
      await this.#connection.ping();
      return { ok: true, detail: this.engine };
    } catch (error) {
      return { ok: false, detail: error instanceof Error ? error.message : 'unknown' };
    }
  }

  wipe(): Promise<void> {
    return this.#write(() => this.#empty());
  }

  async close(): Promise<void> {
    this.#connection.close();
    this.#windows.clear();
  }

  /** Settings of the server that let others in. */
  async weakSettings(): Promise<string[]> {
    const { status } = await this.#connection.rest('GET', '/schema', { anonymous: true });
    if (status === 401 || status === 403) return [];
    return [
      'AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED is true: set it to false, and AUTHENTICATION_APIKEY_ENABLED to true',
    ];
  }

  #write<T>(task: () => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      this.#connection.assertSettled();
      return task();
    });
  }

  /**
   * The mark comes first and goes with the ledger at the end: a wipe that was interrupted is begun again by the next
   * migrate, and a half-empty store is never taken for a whole one.
   */
  async #empty(): Promise<void> {
    await this.#schema.createLedger();
    await this.#ledger.setMark('wiping', 'yes');
    await this.#schema.empty();
    await this.#schema.emptyLedger();
    this.#windows.clear();
  }

  async #page(entity: EntityName, after: string | null, limit: number, depth: Depth): Promise<ScanPage> {
    this.#connection.assertOpen();
    assertLimit(limit);
    const content = this.#contents.get(entity);
    if (content === undefined) return { records: [], next: null };
    return this.#reader.page(content, await this.#windows.page(entity, after, limit), depth);
  }

  #content(entity: EntityName): ContentClass {
    const content = this.#contents.get(entity);
    if (content === undefined) throw new MindoraError('invalid_request', `vectors holds no ${entity}`);
    return content;
  }
}

function contentsOf(connection: WeaviateConnection, prefix: string): Map<EntityName, ContentClass> {
  return new Map(
    entitiesOf('vectors').map((entity) => {
      const ofEntity = new WeaviateClass(connection, contentClassName(prefix, entity));
      return [entity, { entity, definition: documentOf('vectors', entity), class: ofEntity }];
    }),
  );
}

function capabilitiesFor(dimensions: number): Capabilities {
  return {
    expires: true,
    volatile: false,
    dimensions,
    refuses: [...refusedContents, 'vectors of another dimension, or that are all zeros'],
    lateWritesMs,
    retains: { what: 'segments and commit logs', until: 'they are compacted' },
  };
}
