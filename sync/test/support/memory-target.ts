import { compareKeys, type EntityName, type RecordKey, type Role } from '@mindora/contracts';
import type {
  ApplyBatch,
  ApplyItem,
  ApplyResult,
  Capabilities,
  NearestQuery,
  Neighbour,
  Relation,
  ScanPage,
  StoredRecord,
  StorePosition,
  Target,
} from '@mindora/stores';

/** A store in memory, for tests of sync that need to see or break what a store does. */
export class MemoryTarget implements Target {
  readonly role: Role;
  readonly engine = 'memory, for tests';
  capabilities: Capabilities = { expires: true, volatile: true, dimensions: 0, refuses: [] };
  /** Runs before a batch is applied; what it throws, the store throws. */
  beforeApply: (batch: ApplyBatch) => void | Promise<void> = () => undefined;
  /** Runs after a batch was applied; what it throws, the store throws, as if the answer were lost. */
  afterApply: (batch: ApplyBatch) => void = () => undefined;
  /** Why an item is refused; null takes it. */
  refuse: (item: ApplyItem) => string | null = () => null;
  applies = 0;
  relations = new Map<string, readonly Relation[]>();
  #records = new Map<string, StoredRecord>();
  #positions = new Map<number, StorePosition>();
  #label: string | null = null;

  constructor(role: Role) {
    this.role = role;
  }

  async migrate(): Promise<void> {}

  async apply(batch: ApplyBatch): Promise<ApplyResult[]> {
    this.applies++;
    await this.beforeApply(batch);
    const results = batch.items.map((item) => this.#take(structuredClone(item)));
    for (const position of batch.positions) this.#positions.set(position.partition, position);
    this.afterApply(batch);
    return results;
  }

  #take(item: ApplyItem): ApplyResult {
    const name = `${item.entity} ${item.id}`;
    const held = this.#records.get(name)?.version ?? 0;
    if (held > item.version) return { outcome: 'stale', version: held };
    const reason = this.refuse(item);
    if (reason !== null) return { outcome: 'refused', reason };
    const { entity, id, version, document, expiresAt } = item;
    this.#records.set(name, { entity, id, version, deleted: document === null, document, expiresAt });
    return { outcome: 'applied' };
  }

  async get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    return keys.map(({ entity, id }) => this.#records.get(`${entity} ${id}`) ?? null);
  }

  async scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    const all = [...this.#records.values()]
      .filter((record) => record.entity === entity && (after === null || compareKeys(record.id, after) > 0))
      .sort((a, b) => compareKeys(a.id, b.id));
    const records = all.slice(0, limit);
    return { records, next: all.length > limit ? (records.at(-1)?.id ?? null) : null };
  }

  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.scan(entity, after, limit);
  }

  async refresh(): Promise<void> {}
  async positions(): Promise<StorePosition[]> {
    return [...this.#positions.values()];
  }
  async setPositions(positions: readonly StorePosition[]): Promise<void> {
    for (const position of positions) this.#positions.set(position.partition, position);
  }
  async label(): Promise<string | null> {
    return this.#label;
  }
  async setLabel(label: string): Promise<void> {
    this.#label = label;
  }
  async purge(): Promise<number> {
    return 0;
  }
  async scrub(): Promise<void> {}
  async health(): Promise<{ ok: boolean; detail: string }> {
    return { ok: true, detail: '' };
  }
  async wipe(): Promise<void> {
    this.#records.clear();
    this.#positions.clear();
    this.#label = null;
  }
  async close(): Promise<void> {}

  async nearest({ limit, userId }: NearestQuery): Promise<Neighbour[]> {
    const documents = [...this.#records.values()].flatMap(({ id, document }) => (document ? [{ id, document }] : []));
    return documents
      .filter(({ document }) => document.userId === userId)
      .slice(0, limit)
      .map(({ id, document }) => ({ id, score: 0.9, document }));
  }
  async relate(id: string, _model: string, relations: readonly Relation[]): Promise<void> {
    this.relations.set(id, relations);
  }
  async deadRelations(): Promise<[string, string][]> {
    return [];
  }
  async removeRelations(): Promise<void> {}

  /** All that it has, as an older copy of its files would. */
  copy(): () => void {
    const kept = structuredClone({ records: this.#records, positions: this.#positions, label: this.#label });
    return () => {
      this.#records = structuredClone(kept.records);
      this.#positions = structuredClone(kept.positions);
      this.#label = kept.label;
    };
  }

  /** Puts a record in behind sync's back. */
  plant(record: StoredRecord): void {
    this.#records.set(`${record.entity} ${record.id}`, record);
  }

  lives(): string[] {
    return [...this.#records.values()].filter(({ deleted }) => !deleted).map(({ entity, id }) => `${entity} ${id}`);
  }

  /** Label, positions and number of records, at this very moment. */
  summary(): string {
    const positions = [...this.#positions.values()].map(({ partition, n }) => `${partition}:${n}`);
    return `${this.#label} ${positions.join(' ')} ${this.#records.size}`;
  }
}
