import { documentOf, type EntityName, entitiesOf, type RecordKey, type Row } from '@mindora/contracts';
import { assertItem, assertLimit } from '../embedded/checks.ts';
import { refusalOf } from '../embedded/errors.ts';
import { documentCells } from '../embedded/values.ts';
import type { ApplyItem, ApplyResult, ScanPage, StoredRecord } from '../port.ts';
import { CacheLines } from './lines.ts';
import { LeastRecentlyUsed } from './lru.ts';

/** Lines that one batch looks at for what has expired. */
const sweptPerBatchMax = 500;
/** What an entry costs beside its text. */
const entryBytes = 200;

/** The records that sync filled in: versions and tombstones, and contents within a bound. */
export class CacheRecords {
  readonly #lines = new Map<EntityName, CacheLines>(entitiesOf('cache').map((name) => [name, new CacheLines()]));
  readonly #contents: LeastRecentlyUsed<string>;

  constructor(bytesMax: number) {
    this.#contents = new LeastRecentlyUsed(bytesMax);
  }

  apply(item: ApplyItem, now: number): ApplyResult {
    const held = this.#lines.get(item.entity)?.get(item.id);
    if (held !== undefined && held.version > item.version) return { outcome: 'stale', version: held.version };
    try {
      this.#write(item, now);
      return { outcome: 'applied' };
    } catch (error) {
      const reason = refusalOf(error);
      if (reason === null) throw error;
      return { outcome: 'refused', reason };
    }
  }

  /** What a key as clients name it (`conversation:{id}`) holds; counts as a use. */
  read(entity: EntityName, id: string, now: number): Row | null {
    const line = this.#lines.get(entity)?.get(id);
    if (line === undefined || isExpired(line.expiresAt, now)) return null;
    const content = this.#contents.get(keyOf(entity, id));
    return content === undefined ? null : (JSON.parse(content) as Row);
  }

  get({ entity, id }: RecordKey, now: number, withContent = true): StoredRecord | null {
    const line = this.#lines.get(entity)?.get(id);
    if (line === undefined || isExpired(line.expiresAt, now)) return null;
    const facts = { entity, id, version: line.version, deleted: line.deletedAt !== null, expiresAt: line.expiresAt };
    if (facts.deleted) return { ...facts, document: null };
    const content = this.#contents.peek(keyOf(entity, id));
    if (content === undefined) return { ...facts, document: null, evicted: true };
    return { ...facts, document: withContent ? (JSON.parse(content) as Row) : null };
  }

  scan(entity: EntityName, after: string | null, limit: number, now: number, withContent: boolean): ScanPage {
    assertLimit(limit);
    const ids = this.#lines.get(entity)?.ids(after, limit + 1) ?? [];
    const page = ids.slice(0, limit);
    const records = page.map((id) => this.get({ entity, id }, now, withContent)).filter((record) => record !== null);
    return { records, next: ids.length > limit ? (page.at(-1) ?? null) : null };
  }

  /** Lets go of some of what has expired, going round. */
  sweep(now: number): void {
    for (const [entity, lines] of this.#lines) {
      for (const [id, line] of lines.next(sweptPerBatchMax)) {
        if (isExpired(line.expiresAt, now)) this.#forget(entity, id);
      }
    }
  }

  /** Lets go of all that has expired and of tombstones from before a time; how many. */
  purge(deletedBefore: number, now: number): number {
    let purged = 0;
    for (const [entity, lines] of this.#lines) {
      for (const [id, { deletedAt, expiresAt }] of lines.entries()) {
        if (!isExpired(expiresAt, now) && (deletedAt === null || deletedAt >= deletedBefore)) continue;
        this.#forget(entity, id);
        purged += 1;
      }
    }
    return purged;
  }

  clear(): void {
    for (const entity of this.#lines.keys()) this.#lines.set(entity, new CacheLines());
    this.#contents.clear();
  }

  #write(item: ApplyItem, now: number): void {
    const { entity, id, version, document, expiresAt } = item;
    assertItem('cache', item);
    const content = document === null ? null : contentOf(entity, document);
    if (isExpired(expiresAt, now) && document !== null) {
      // What has expired before it came is not kept, so that filling the cache anew costs only what it will hold.
      this.#forget(entity, id);
      return;
    }
    const deletedAt = document === null ? now : null;
    this.#lines.get(entity)?.set(id, { version, deletedAt, expiresAt: document === null ? null : expiresAt });
    const key = keyOf(entity, id);
    if (content === null) this.#contents.delete(key);
    else this.#contents.set(key, content, (key.length + content.length) * 2 + entryBytes);
  }

  #forget(entity: EntityName, id: string): void {
    this.#lines.get(entity)?.delete(id);
    this.#contents.delete(keyOf(entity, id));
  }
}

export function isExpired(expiresAt: number | null, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}

function keyOf(entity: EntityName, id: string): string {
  return `${documentOf('cache', entity).collection}:${id}`;
}

/** A document as the cache keeps it. @throws ContentError where it doesn't fit its definition */
export function contentOf(entity: EntityName, document: Row): string {
  const definition = documentOf('cache', entity);
  documentCells(definition, Object.entries(definition.fields), document);
  return JSON.stringify(document);
}
