/**
 * The port `Target` in its plainest form: a map. What the suite and the property test hold engines to; passing the
 * suite itself, it also proves that the suite asks nothing contradictory.
 */
import { compareKeys, type EntityName, entitiesOf, type RecordKey, type Role } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type {
  ApplyBatch,
  ApplyItem,
  ApplyResult,
  Capabilities,
  ScanPage,
  StoredRecord,
  StoreHealth,
  StorePosition,
  Target,
} from '@mindora/stores';
import { refusal } from './content.ts';

interface Line {
  readonly item: ApplyItem;
  readonly appliedAt: number;
}

export class ModelTarget implements Target {
  readonly role: Role;
  readonly engine = 'model in memory';
  readonly capabilities: Capabilities;
  readonly #lines = new Map<string, Line>();
  readonly #positions = new Map<number, StorePosition>();
  #label: string | null = null;
  #isClosed = false;

  constructor(role: Role, dimensions: number) {
    this.role = role;
    this.capabilities = { expires: true, volatile: true, dimensions, refuses: ['fields of another type'] };
  }

  async migrate(): Promise<void> {
    this.#assertOpen();
  }

  async apply(batch: ApplyBatch): Promise<ApplyResult[]> {
    this.#assertOpen();
    const results = batch.items.map((item) => this.#applyOne(item));
    for (const position of batch.positions) this.#positions.set(position.partition, position);
    return results;
  }

  async get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    this.#assertOpen();
    return keys.map(({ entity, id }) => this.#visible(this.#lines.get(lineKey(entity, id))));
  }

  async scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    this.#assertOpen();
    if (!Number.isInteger(limit) || limit < 1 || limit > 10_000) throw new MindoraError('invalid_request');
    const records = [...this.#lines.values()]
      .filter(({ item }) => item.entity === entity && (after === null || compareKeys(item.id, after) > 0))
      .flatMap((line) => this.#visible(line) ?? [])
      .sort((a, b) => compareKeys(a.id, b.id));
    const page = records.slice(0, limit);
    return { records: page, next: records.length > limit ? (page.at(-1)?.id ?? null) : null };
  }

  async scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    const { records, next } = await this.scan(entity, after, limit);
    return { records: records.map((record) => ({ ...record, document: null })), next };
  }

  async refresh(): Promise<void> {
    this.#assertOpen();
  }

  async positions(): Promise<StorePosition[]> {
    this.#assertOpen();
    return [...this.#positions.values()];
  }

  async setPositions(positions: readonly StorePosition[]): Promise<void> {
    this.#assertOpen();
    for (const position of positions) this.#positions.set(position.partition, position);
  }

  async label(): Promise<string | null> {
    this.#assertOpen();
    return this.#label;
  }

  async setLabel(label: string): Promise<void> {
    this.#assertOpen();
    this.#label = label;
  }

  async purge(deletedBefore: number): Promise<number> {
    this.#assertOpen();
    let purged = 0;
    for (const [key, { item, appliedAt }] of this.#lines) {
      const isGone = item.document === null ? appliedAt < deletedBefore : isExpired(item);
      if (isGone && this.#lines.delete(key)) purged += 1;
    }
    return purged;
  }

  async scrub(): Promise<void> {
    this.#assertOpen();
  }

  async health(): Promise<StoreHealth> {
    return { ok: !this.#isClosed, detail: this.engine };
  }

  async wipe(): Promise<void> {
    this.#assertOpen();
    this.#lines.clear();
    this.#positions.clear();
    this.#label = null;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #applyOne(item: ApplyItem): ApplyResult {
    const held = this.#lines.get(lineKey(item.entity, item.id))?.item;
    if (held !== undefined && held.version > item.version) return { outcome: 'stale', version: held.version };
    const reason = refusal(this.role, this.capabilities.dimensions, item);
    if (reason !== null) return { outcome: 'refused', reason };
    this.#lines.set(lineKey(item.entity, item.id), { item: structuredClone(item), appliedAt: Date.now() });
    return { outcome: 'applied' };
  }

  #visible(line: Line | undefined): StoredRecord | null {
    if (line === undefined || isExpired(line.item) || !entitiesOf(this.role).includes(line.item.entity)) return null;
    const { entity, id, version, document, expiresAt } = line.item;
    return { entity, id, version, deleted: document === null, document, expiresAt };
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new MindoraError('store_unavailable', 'the model is closed');
  }
}

function lineKey(entity: EntityName, id: string): string {
  return `${entity}\0${id}`;
}

function isExpired({ expiresAt }: ApplyItem): boolean {
  return expiresAt !== null && expiresAt <= Date.now();
}
