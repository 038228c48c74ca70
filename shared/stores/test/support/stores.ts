import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EntityName, Row } from '@mindora/contracts';
import type { StoredRecord, Target } from '../../src/port.ts';

/** A file for a store, in a new directory. */
export function storeFile(): { readonly file: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'mindora-store-'));
  return { file: join(directory, 'store.sqlite'), remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Applies documents (null deletes) under their ids at a version; all must be taken. */
export async function applyAll(
  target: Target,
  entity: EntityName,
  version: number,
  documents: readonly (readonly [string, Row | null])[],
): Promise<void> {
  const items = documents.map(([id, document]) => ({ entity, id, version, owner: null, document, expiresAt: null }));
  const results = await target.apply({ items, positions: [] });
  const refused = results.find(({ outcome }) => outcome !== 'applied');
  if (refused !== undefined) throw new Error(JSON.stringify(refused));
}

/** All records of an entity, page by page. */
export async function scanAll(target: Target, entity: EntityName, limit = 2): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  let after: string | null = null;
  do {
    const page = await target.scan(entity, after, limit);
    records.push(...page.records);
    after = page.next;
  } while (after !== null);
  return records;
}

/** The faults of a scan by id. */
export async function faultsOf(target: Target, entity: EntityName): Promise<Record<string, string>> {
  const records = await scanAll(target, entity);
  return Object.fromEntries(records.flatMap(({ id, fault }) => (fault === undefined ? [] : [[id, fault]])));
}
