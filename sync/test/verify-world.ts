/**
 * A small world in memory for the races of verify: ledger, bus and stores that keep the promises of their ports, with
 * a random number of turns of the event loop around every step, so that all calls interleave.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Delivery, EventBus, OutgoingBatch, PartitionLag, Subscription } from '@mindora/bus';
import { compareKeys, type EntityName, type Role, type Row, storesOf } from '@mindora/contracts';
import type {
  ApplyBatch,
  ApplyItem,
  ApplyResult,
  EmbeddingRow,
  LedgerRecord,
  ParkedRecord,
  PrimaryLedger,
  ScanPage,
  StoredRecord,
  Target,
  Touch,
} from '@mindora/stores';
import { embeddedText, embeddingId, needsEmbedding, toApplyItem } from '../src/projections/index.ts';
import type { VerifyParts } from '../src/verify/index.ts';

export { seeded } from '@mindora/testing/plain';

/** Lets up to `most` turns of the event loop pass. */
export type Chaos = (most?: number) => Promise<void>;

export function chaosOf(fraction: () => number): Chaos {
  return async (most = 3) => {
    for (let turns = Math.floor(fraction() * (most + 1)); turns > 0; turns--) await turn();
  };
}

const keyOf = (entity: string, id: string): string => `${entity} ${id}`;
const byId = (a: { readonly id: string }, b: { readonly id: string }): number => compareKeys(a.id, b.id);

type Line = { -readonly [K in keyof LedgerRecord]: LedgerRecord[K] };

/** The parts of a primary that verify, capture and workers use. */
export class MemoryPrimary {
  readonly lines = new Map<string, Line>();
  readonly rows = new Map<string, EmbeddingRow>();
  readonly orphans = new Set<string>();
  parkedRecords: ParkedRecord[] = [];
  #marks = 0;
  readonly #chaos: Chaos;

  constructor(chaos: Chaos) {
    this.#chaos = chaos;
  }

  put(entity: EntityName, id: string, row: Row): void {
    this.#mark(entity, id, { raise: 1, row, stores: null });
  }

  remove(entity: EntityName, id: string): void {
    if (this.lines.get(keyOf(entity, id))?.present === true) {
      this.#mark(entity, id, { raise: 1, row: null, stores: null });
    }
  }

  #mark(
    entity: EntityName,
    id: string,
    change: { raise: number; row: Row | null; stores: readonly Role[] | null },
  ): Line {
    const old = this.lines.get(keyOf(entity, id));
    const both = old?.pendingSince != null && change.stores !== null && old.stores !== null;
    const line: Line = {
      entity,
      id,
      version: (old?.version ?? 0) + change.raise,
      mark: ++this.#marks,
      pendingSince: old?.pendingSince ?? Date.now(),
      stores: both ? [...new Set([...(old.stores ?? []), ...(change.stores ?? [])])] : change.stores,
      row: change.row,
      present: change.row !== null,
    };
    if (old?.pendingSince != null && old.stores === null) line.stores = null;
    this.lines.set(keyOf(entity, id), line);
    return line;
  }

  #touch({ entity, id, stores, above }: Touch): void {
    const old = this.lines.get(keyOf(entity, id));
    const line = this.#mark(entity, id, { raise: stores === null ? 1 : 0, row: old?.row ?? null, stores });
    line.version = Math.max(line.version, 1, above === undefined ? 0 : above + 1);
  }

  #sorted(entity: EntityName, after: string | null, limit: number): Line[] {
    const all = [...this.lines.values()].filter((line) => line.entity === entity).sort(byId);
    return all.filter(({ id }) => after === null || compareKeys(id, after) > 0).slice(0, limit);
  }

  async #at<T>(read: () => T): Promise<T> {
    await this.#chaos();
    const result = read();
    await this.#chaos();
    return result;
  }

  ledger(): PrimaryLedger {
    const part: Partial<PrimaryLedger> = {
      pending: (limit) =>
        this.#at(() =>
          [...this.lines.values()]
            .filter((line) => line.pendingSince !== null)
            .slice(0, limit)
            .map(copy),
        ),
      clear: (read) =>
        this.#at(() => {
          for (const { entity, id, mark } of read) {
            const line = this.lines.get(keyOf(entity, id));
            if (line?.mark === mark) this.lines.set(keyOf(entity, id), { ...line, pendingSince: null, stores: null });
          }
          return 0;
        }),
      scan: (entity, after, limit) => this.#at(() => this.#sorted(entity, after, limit).map(copy)),
      scanVersions: (entity, after, limit) => this.#at(() => this.#sorted(entity, after, limit).map(copy)),
      read: (keys) =>
        this.#at(() =>
          keys.map(({ entity, id }) => this.lines.get(keyOf(entity, id)) ?? null).map((l) => l && copy(l)),
        ),
      touch: (touches) =>
        this.#at(() => {
          for (const touch of touches) this.#touch(touch);
        }),
      adoptUnlisted: () => this.#at(() => 0),
      parked: ({ store, limit }) =>
        this.#at(() => this.parkedRecords.filter((p) => store === null || p.store === store).slice(0, limit)),
      embeddings: (ids) =>
        this.#at(
          () => new Map(ids.flatMap((id) => (this.rows.has(id) ? [[id, this.rows.get(id) as EmbeddingRow]] : []))),
        ),
      orphanEmbeddings: (limit) => this.#at(() => [...this.orphans].slice(0, limit)),
      deleteEmbeddings: (ids) =>
        this.#at(() => {
          for (const id of ids) this.orphans.delete(id);
        }),
      statistics: () =>
        this.#at(() => ({
          records: this.lines.size,
          pending: 0,
          oldestPendingAt: null,
          now: 0,
          parked: this.parkedRecords.length,
        })),
    };
    return part as PrimaryLedger;
  }
}

const copy = (line: Line): LedgerRecord => ({ ...line });

/** A store with the version guard. `records` may be damaged by tests. */
export class MemoryStore {
  readonly records = new Map<string, StoredRecord>();
  readonly refuse = new Set<string>();
  readonly role: Role;
  /** Of the log that its position is of. */
  incarnation = 'only';
  readonly #chaos: Chaos;

  constructor(role: Role, chaos: Chaos) {
    this.role = role;
    this.#chaos = chaos;
  }

  #apply(item: ApplyItem): ApplyResult {
    const { entity, id, version, document, expiresAt } = item;
    const old = this.records.get(keyOf(entity, id));
    if (old?.version != null && old.version > version) return { outcome: 'stale', version: old.version };
    if (document !== null && this.refuse.has(id)) return { outcome: 'refused', reason: 'not in this store' };
    this.records.set(keyOf(entity, id), { entity, id, version, deleted: document === null, document, expiresAt });
    return { outcome: 'applied' };
  }

  #scan(entity: EntityName, after: string | null, limit: number): ScanPage {
    const all = [...this.records.values()].filter((record) => record.entity === entity).sort(byId);
    const from = all.filter(({ id }) => after === null || compareKeys(id, after) > 0);
    const records = from.slice(0, limit);
    return { records, next: from.length > limit ? (records.at(-1)?.id ?? null) : null };
  }

  target(): Target {
    const part: Partial<Target> = {
      role: this.role,
      engine: 'memory',
      capabilities: { expires: true, volatile: false, dimensions: 0, refuses: [] },
      refresh: () => this.#chaos(),
      positions: async () => [{ partition: 0, incarnation: this.incarnation, n: 0 }],
      apply: async ({ items }: ApplyBatch) => {
        await this.#chaos(6);
        const results = items.map((item) => this.#apply(item));
        await this.#chaos();
        return results;
      },
      get: async (keys) => {
        // Long enough for a write to pass through everything between a look at the ledger and one at the store.
        await this.#chaos(60);
        const found = keys.map(({ entity, id }) => this.records.get(keyOf(entity, id)) ?? null);
        await this.#chaos();
        return found;
      },
      scan: async (entity, after, limit) => {
        await this.#chaos();
        const page = this.#scan(entity, after, limit);
        await this.#chaos();
        return page;
      },
    };
    return part as Target;
  }
}

/** One partition is enough for the order of a record; batches stay until all have them. */
class MemoryBus {
  readonly batches: OutgoingBatch[] = [];
  readonly acknowledged = new Map<string, number>();

  bus(): EventBus {
    const lag = async (consumer: string): Promise<PartitionLag[]> => [
      { partition: 0, head: this.batches.length, acknowledged: this.acknowledged.get(consumer) ?? 0, oldestAt: null },
    ];
    const unused = (): Subscription => ({ stop: async () => undefined });
    return {
      engine: 'memory',
      partitions: 1,
      incarnation: async () => 'only',
      renew: () => Promise.resolve(),
      publish: async (batches) => void this.batches.push(...batches),
      consume: unused,
      lag,
      heads: async () => [this.batches.length],
      close: async () => undefined,
    };
  }
}

/** A running version: capture and a worker for each store. */
export class World {
  readonly primary: MemoryPrimary;
  readonly stores = new Map<Role, MemoryStore>();
  readonly parts: VerifyParts;
  readonly paused = new Set<Role>();
  readonly #log = new MemoryBus();
  readonly #chaos: Chaos;
  #stopped = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(roles: readonly Role[], chaos: Chaos, clock: VerifyParts['clock'], retention: VerifyParts['retention']) {
    this.#chaos = chaos;
    this.primary = new MemoryPrimary(chaos);
    for (const role of roles) this.stores.set(role, new MemoryStore(role, chaos));
    this.parts = {
      version: 'test',
      ledger: this.primary.ledger(),
      targets: new Map([...this.stores].map(([role, store]) => [role, store.target()])),
      bus: this.#log.bus(),
      clock,
      embedder: { model: 'letters', dimensions: 2 },
      retention,
    };
  }

  start(): void {
    const loops = [this.#loop(() => this.#capture())];
    for (const store of this.stores.values()) loops.push(this.#loop(() => this.#work(store)));
    this.#running = Promise.all(loops);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  store(role: Role): MemoryStore {
    const store = this.stores.get(role);
    if (store === undefined) throw new Error(`no ${role}`);
    return store;
  }

  async #loop(step: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await step();
      await turn();
    }
  }

  async #capture(): Promise<void> {
    const { ledger, bus } = this.parts;
    const records = await ledger.pending(40, 1_000_000);
    if (records.length === 0) return;
    const changes = records.map(({ entity, id, version, row, stores }) => {
      return { entity, id, version, row, stores, state: row === null ? ('deleted' as const) : ('present' as const) };
    });
    await bus.publish([{ partition: 0, changes }]);
    await ledger.clear(records);
  }

  async #work(store: MemoryStore): Promise<void> {
    const n = this.#log.acknowledged.get(store.role) ?? 0;
    const batch = this.#log.batches[n];
    if (batch === undefined || this.paused.has(store.role)) return;
    const changes = batch.changes.filter(
      ({ entity, stores }) => storesOf(entity).includes(store.role) && (stores?.includes(store.role) ?? true),
    );
    const items = changes.map((change) => this.#project(store.role, change));
    const results = await store.target().apply({ items, positions: [] });
    for (const [index, result] of results.entries()) {
      const item = items[index];
      if (result.outcome === 'refused' && item !== undefined) this.#park(store.role, item, result.reason);
    }
    await this.#chaos();
    this.#log.acknowledged.set(store.role, n + 1);
  }

  #park(store: Role, { entity, id, version }: ApplyItem, reason: string): void {
    this.primary.parkedRecords.push({ store, entity, id, version, reason, parkedAt: '', attempts: 1 });
  }

  #project(role: Role, change: Delivery['changes'][number]): ApplyItem {
    const { model, dimensions } = this.parts.embedder;
    const text = change.row === null ? '' : (embeddedText(change.entity, change.row) ?? '');
    const id = embeddingId(model, dimensions, text);
    const embedding = needsEmbedding(role, change.entity) && change.row !== null ? { id, vector: id } : null;
    if (embedding !== null) this.primary.rows.set(id, { id, model, dimensions, vector: id });
    return toApplyItem(role, change, { embedding, model, dimensions }, this.parts.retention);
  }
}

/** A conversation's row. */
export function conversation(id: string, text: string, at = new Date()): Row {
  const time = `${at.toISOString().slice(0, -1)}000Z`;
  return {
    id,
    user_id: 'u1',
    session_id: 's1',
    user_input: text,
    ai_response: `re ${text}`,
    model_name: 'm1',
    context: { text },
    created_at: time,
    updated_at: time,
  };
}
