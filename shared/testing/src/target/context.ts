import { expect } from '@jest/globals';
import { canonicalJson, type EntityName, type Role, type Row } from '@mindora/contracts';
import type { ApplyItem, ApplyResult, StoredRecord, Target } from '@mindora/stores';
import type { TargetFacts } from './driver.ts';
import { mainEntity, ownerOf, sampleDocument } from './sample.ts';

/** Batches of sync are larger; one case has such a one, and a busy machine isn't kept with them in the others. */
const putItemsMax = 250;

export interface TargetCase {
  readonly name: string;
  /** Why an engine with these facts needn't pass it; null where it must. */
  readonly skip?: (facts: TargetFacts) => string | null;
  readonly run: (context: TargetContext) => Promise<void>;
}

/** An item with a document, as most cases need it. */
export type Upsert = ApplyItem & { readonly document: Row };

/** What each case gets: a new, migrated store in a directory of its own, and short words for what it does with it. */
export class TargetContext {
  readonly facts: TargetFacts;
  readonly directory: string;
  readonly entity: EntityName;
  #target: Target | null = null;

  constructor(facts: TargetFacts, directory: string) {
    this.facts = facts;
    this.directory = directory;
    this.entity = mainEntity(facts.role);
  }

  get role(): Role {
    return this.facts.role;
  }

  get store(): Target {
    if (this.#target === null) throw new Error('the store is not open');
    return this.#target;
  }

  async open(): Promise<Target> {
    this.#target = await this.facts.driver.open(this.role, this.directory);
    await this.#target.migrate();
    return this.#target;
  }

  async close(): Promise<void> {
    await this.#target?.close();
    this.#target = null;
  }

  async reopen(): Promise<Target> {
    await this.close();
    return this.open();
  }

  /** A record to write; the version is its content's seed too, so that versions can be told apart. */
  item(id: string, version = 1, overrides: Row = {}, entity: EntityName = this.entity): Upsert {
    const document = sampleDocument(this.role, entity, id, version, overrides);
    return { entity, id, version, owner: ownerOf(document), document, expiresAt: null };
  }

  /** A tombstone as sync sends it: the owner of a deleted record isn't always known. */
  deletion(id: string, version: number, entity: EntityName = this.entity): ApplyItem {
    return { entity, id, version, owner: null, document: null, expiresAt: null };
  }

  apply(...items: readonly ApplyItem[]): Promise<ApplyResult[]> {
    return this.store.apply({ items, positions: [] });
  }

  /** Applies in small batches, and expects that every item was taken. */
  async put(...items: readonly ApplyItem[]): Promise<void> {
    for (let at = 0; at < items.length; at += putItemsMax) {
      const batch = items.slice(at, at + putItemsMax);
      expect(await this.apply(...batch)).toEqual(batch.map(() => ({ outcome: 'applied' })));
    }
  }

  async get(id: string, entity: EntityName = this.entity): Promise<StoredRecord | null> {
    const [record = null] = await this.store.get([{ entity, id }]);
    return record;
  }

  async expectHeld(item: Upsert): Promise<void> {
    expectRecord(await this.get(item.id, item.entity), item);
  }

  async expectDeleted(id: string, version: number, entity: EntityName = this.entity): Promise<void> {
    expect(await this.get(id, entity)).toMatchObject({ entity, id, version, deleted: true, document: null });
  }

  /** Reads all pages of a scan. */
  async scanAll(limit = 1000, from: string | null = null, versionsOnly = false): Promise<StoredRecord[]> {
    const all: StoredRecord[] = [];
    let after = from;
    for (;;) {
      const scan = versionsOnly ? 'scanVersions' : 'scan';
      const page = await this.store[scan](this.entity, after, limit);
      expect(page.records.length).toBeLessThanOrEqual(limit);
      all.push(...page.records);
      if (page.next === null) return all;
      after = page.next;
    }
  }

  async scannedIds(limit = 1000, from: string | null = null): Promise<string[]> {
    return (await this.scanAll(limit, from)).map(({ id }) => id);
  }
}

/** The record is there as it was written: version, content, no fault. */
export function expectRecord(record: StoredRecord | null | undefined, item: Upsert): void {
  expect(record).toMatchObject({ entity: item.entity, id: item.id, version: item.version, deleted: false });
  expect(record?.fault).toBeUndefined();
  expect(canonicalJson(record?.document ?? null)).toBe(canonicalJson(item.document));
}

/** `count` ids whose order is the order of their numbers. */
export function serialIds(count: number, prefix = 'id'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(6, '0')}`);
}

/** Skips a case on engines that forget everything with their process. */
export function needsDurability({ volatile }: TargetFacts): string | null {
  return volatile ? 'volatile' : null;
}
