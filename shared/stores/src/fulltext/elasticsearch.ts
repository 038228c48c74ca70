/** Full text on Elasticsearch 8 (A2.7, A2.15). */
import type { EntityName, RecordKey, Role } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import type { StoreConnection } from '../connection.ts';
import { assertLimit } from '../embedded/checks.ts';
import type {
  ApplyBatch,
  ApplyResult,
  Capabilities,
  ScanPage,
  StoredRecord,
  StoreHealth,
  StorePosition,
} from '../port.ts';
import { type AnalysisFound, Indices } from './elastic/indices.ts';
import { type ContentIndex, isFindable, type Layout, layoutOf } from './elastic/layout.ts';
import { hitsOf, readRecords, scanPage } from './elastic/reads.ts';
import { searchPage } from './elastic/searching.ts';
import { ElasticServer } from './elastic/server.ts';
import { StoreState } from './elastic/state.ts';
import { Visibility } from './elastic/visibility.ts';
import { Writes } from './elastic/writes.ts';
import type { FullTextStore, TextPage, TextQuery } from './port.ts';
import { parseQuery } from './query.ts';

export interface ElasticFullTextOptions {
  readonly connection: StoreConnection;
  readonly clock: Pick<Clock, 'now'>;
}

const hitsMax = 200;
/** Entries that one step of a purge removes. */
const purgedAtOnce = 1_000;
/** Merging rewrites the whole index. */
const mergeTimeoutMs = 600_000;
const healthTimeoutMs = 5_000;

/** The store on a server that isn't asked for anything yet; {@link FullTextStore.migrate} makes its indices. */
export function openElasticFullText(options: ElasticFullTextOptions): FullTextStore {
  return new ElasticFullText(options);
}

class ElasticFullText implements FullTextStore {
  readonly role: Role = 'fulltext';
  readonly capabilities: Capabilities = {
    expires: true,
    volatile: false,
    dimensions: 0,
    seenLater: true,
    refuses: ['text that is not valid Unicode', 'fields of another type', 'JSON nested 1,000 deep'],
    retains: { what: 'segments that are held for recovery, translog', until: 'a merge after the next minute' },
  };
  readonly #clock: Pick<Clock, 'now'>;
  readonly #server: ElasticServer;
  readonly #layout: Layout;
  readonly #indices: Indices;
  readonly #state: StoreState;
  readonly #writes: Writes;
  readonly #visibility: Visibility;
  #version: string | null = null;
  #analysis: AnalysisFound | null = null;

  constructor({ connection, clock }: ElasticFullTextOptions) {
    this.#clock = clock;
    this.#server = new ElasticServer(connection);
    this.#layout = layoutOf(connection.namespace);
    this.#state = new StoreState(this.#server, this.#layout);
    this.#indices = new Indices(this.#server, this.#layout, this.#state);
    this.#writes = new Writes(this.#server, this.#layout.contents);
    this.#visibility = new Visibility(() => this.#refresh());
  }

  /** With the version and the analyzer once they are known. */
  get engine(): string {
    const version = this.#version === null ? '' : ` ${this.#version}`;
    return `Elasticsearch${version}${this.#analysis === null ? '' : ` (${this.#analysis.used})`}`;
  }

  async migrate(): Promise<void> {
    this.#analysis = await this.#indices.migrate();
    const { version } = await this.#server.call((client) => client.info());
    this.#version = version.number;
  }

  /** Positions are written after all items are on the disk, so they never tell of more than is there. */
  async apply({ items, positions }: ApplyBatch): Promise<ApplyResult[]> {
    try {
      const results = await this.#writes.apply(items, this.#clock.now());
      // An empty batch asks whether the store takes writes.
      if (positions.length > 0 || items.length === 0) await this.#state.setPositions(positions);
      return results;
    } finally {
      this.#visibility.wrote();
    }
  }

  async get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    await this.#visibility.show();
    const now = this.#clock.now();
    const found = new Map<EntityName, Map<string, StoredRecord>>();
    for (const content of this.#layout.contents) {
      const ids = new Set(keys.filter(({ entity }) => entity === content.entity).map(({ id }) => id));
      if (ids.size > 0) found.set(content.entity, await readRecords(this.#server, content, [...ids], now));
    }
    return keys.map(({ entity, id }) => found.get(entity)?.get(id) ?? null);
  }

  scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#scan(entity, after, limit, true);
  }

  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#scan(entity, after, limit, false);
  }

  async refresh(): Promise<void> {
    this.#visibility.wrote();
    await this.#visibility.show();
  }

  positions(): Promise<StorePosition[]> {
    return this.#state.positions();
  }

  setPositions(positions: readonly StorePosition[]): Promise<void> {
    return this.#state.setPositions(positions);
  }

  /** None where an index is gone: the store is then not the one that the label was given to. */
  async label(): Promise<string | null> {
    return (await this.#indices.whole()) ? this.#state.label() : null;
  }

  setLabel(label: string): Promise<void> {
    return this.#state.setLabel(label);
  }

  async purge(deletedBefore: number): Promise<number> {
    await this.#visibility.show();
    let purged = 0;
    try {
      for (const content of this.#layout.contents) purged += await this.#purge(content, deletedBefore);
      return purged;
    } finally {
      this.#visibility.wrote();
    }
  }

  /**
   * Merges all segments into one, which holds nothing of what was deleted, and empties the log of operations. What was
   * deleted within the last half minute the engine keeps a little longer, for copies of the index that might ask for
   * it; no query finds it, and a scrub after that time removes it.
   */
  async scrub(): Promise<void> {
    await this.#visibility.show();
    const index = this.#contentNames();
    await this.#flush(index);
    const { _shards } = await this.#server.call((client) =>
      client.indices.forcemerge({ index, max_num_segments: 1 }, { requestTimeout: mergeTimeoutMs }),
    );
    if ((_shards?.failed ?? 0) > 0) throw new MindoraError('store_unavailable', 'fulltext could not be merged');
    await this.#flush(index);
  }

  async health(): Promise<StoreHealth> {
    try {
      const index = this.#contentNames();
      const health = await this.#server.call((client) =>
        client.cluster.health({ index, timeout: '2s' }, { requestTimeout: healthTimeoutMs }),
      );
      const ok = health.status !== 'red' && !health.timed_out;
      return { ok, detail: ok ? `${this.engine}${this.#advice()}` : `${this.engine}: a shard is away` };
    } catch (error) {
      return { ok: false, detail: (error as Error).message };
    }
  }

  async wipe(): Promise<void> {
    await this.#indices.drop();
    await this.migrate();
  }

  weakSettings(): Promise<string[]> {
    return this.#indices.weakSettings();
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  async search(query: TextQuery): Promise<TextPage> {
    assertLimit(query.limit, hitsMax);
    const phrases = parseQuery(query.query);
    const content = this.#content(query.entity);
    const possible = [query.userId, query.analysisType].every((value) => value === null || isFindable(value));
    if (phrases.length === 0 || content === null || !possible) return { hits: [], next: null };
    return searchPage(this.#server, content, query, phrases, this.#clock.now());
  }

  async #scan(entity: EntityName, after: string | null, limit: number, whole: boolean): Promise<ScanPage> {
    assertLimit(limit);
    await this.#visibility.show();
    const content = this.#content(entity);
    if (content === null) return { records: [], next: null };
    return scanPage(this.#server, content, after, limit, this.#clock.now(), whole);
  }

  async #purge(content: ContentIndex, deletedBefore: number): Promise<number> {
    const gone = [
      { range: { 'sync.deleted_at': { lt: deletedBefore } } },
      { range: { 'sync.expires_at': { lte: this.#clock.now() } } },
    ];
    let purged = 0;
    for (;;) {
      const request = { query: { bool: { should: gone } }, size: purgedAtOnce, _source: false };
      const hits = await hitsOf(this.#server, content, { ...request, seq_no_primary_term: true });
      purged += await this.#writes.remove(content, hits);
      if (hits.length < purgedAtOnce) return purged;
      await this.refresh();
    }
  }

  async #refresh(): Promise<void> {
    const { _shards } = await this.#server.call((client) => client.indices.refresh({ index: this.#contentNames() }));
    if ((_shards?.failed ?? 0) > 0) throw new MindoraError('store_unavailable', 'fulltext could not be refreshed');
  }

  async #flush(index: string[]): Promise<void> {
    await this.#server.call((client) => client.indices.flush({ index, force: true, wait_if_ongoing: true }));
  }

  #content(entity: EntityName): ContentIndex | null {
    return this.#layout.contents.find((content) => content.entity === entity) ?? null;
  }

  #contentNames(): string[] {
    return this.#layout.contents.map(({ name }) => name);
  }

  #advice(): string {
    if (this.#analysis === null || this.#analysis.used === this.#analysis.offered) return '';
    return `; the server now offers ${this.#analysis.offered}: "mindora rebuild --store fulltext" ranks by it`;
  }
}
