/** Applying records to one store: projected, in bounded parts, with what the store refuses told apart (rule 11). */
import type { Change, RecordKey, RecordVersion, Role } from '@mindora/contracts';
import { storesOf } from '@mindora/contracts';
import { MindoraError, toMindoraError } from '@mindora/runtime';
import type { ApplyItem, ApplyResult, StorePosition, Target } from '@mindora/stores';
import type { Embeddings } from './embeddings.ts';
import type { Refusal } from './parking.ts';
import { chunksOf, nameOf, type SyncParts } from './parts.ts';
import { needsEmbedding, type ProjectedRecord, type ProjectionContext, toApplyItem } from './projections/index.ts';

/** Records read from the primary at a time, each of which may have megabytes. */
const byKeyAtOnce = 8;

/** What became of records. `held`: the store has this version, or (stale) the newer one named here. */
export interface Applied {
  readonly items: number;
  readonly held: readonly RecordVersion[];
  readonly refused: readonly Refusal[];
}

export interface ApplyParts {
  readonly sync: SyncParts;
  readonly role: Role;
  readonly target: Pick<Target, 'apply' | 'health'>;
  readonly embeddings: Embeddings;
}

/** The changes of a delivery that are for a store: of each record the newest, for a store is asked once for each. */
export function changesFor(role: Role, changes: readonly Change[]): Change[] {
  const newest = new Map<string, Change>();
  for (const change of changes) {
    const { entity, stores } = change;
    if (!storesOf(entity).includes(role) || (stores !== null && !stores.includes(role))) continue;
    const name = nameOf(change);
    const other = newest.get(name);
    if (other !== undefined && other.version > change.version) continue;
    newest.delete(name);
    newest.set(name, change);
  }
  return [...newest.values()];
}

/** A change as one whose state is read when it is applied. */
export function asKey(change: Change): Change {
  return { ...change, state: 'by_key', row: null };
}

/**
 * Applies changes in parts, and the position with the last of them. A crash in between leaves earlier parts applied
 * and the position where it was: the batch comes again, and applying is idempotent.
 *
 * @throws MindoraError of the store, the primary or the embedder; what was applied by then stays
 */
export async function applyChanges(
  parts: ApplyParts,
  changes: readonly Change[],
  position: StorePosition | null,
): Promise<Applied> {
  const inline = changes.filter(({ state }) => state !== 'by_key');
  const byKey = [...chunksOf(keysOf(changes), byKeyAtOnce)];
  const total: { items: number; held: RecordVersion[]; refused: Refusal[] } = { items: 0, held: [], refused: [] };
  const collect = ({ items, held, refused }: Applied): void => {
    total.items += items;
    total.held.push(...held);
    total.refused.push(...refused);
  };
  collect(await applyRecords(parts, inline, byKey.length === 0 ? position : null));
  for (const [index, keys] of byKey.entries()) {
    const records = await currentRecords(parts, keys);
    collect(await applyRecords(parts, records, index === byKey.length - 1 ? position : null));
  }
  return total;
}

function keysOf(changes: readonly Change[]): RecordKey[] {
  return changes.filter(({ state }) => state === 'by_key').map(({ entity, id }) => ({ entity, id }));
}

/** The present state of records, perhaps newer than the change that named them: states, not steps (rule 4). */
async function currentRecords({ sync }: ApplyParts, keys: readonly RecordKey[]): Promise<ProjectedRecord[]> {
  const lines = await sync.ledger.read(keys);
  return lines.filter((line) => line !== null);
}

async function applyRecords(
  parts: ApplyParts,
  records: readonly ProjectedRecord[],
  position: StorePosition | null,
): Promise<Applied> {
  const { items, refused } = await itemsOf(parts, records);
  if (items.length === 0 && position === null) return { items: records.length, held: [], refused };
  const applied = await applyItems(parts.target, items, position);
  return { items: records.length, held: applied.held, refused: [...refused, ...applied.refused] };
}

/** Projects records; one that can't be projected is refused alone. */
async function itemsOf(
  { sync, role, embeddings }: ApplyParts,
  records: readonly ProjectedRecord[],
): Promise<{ items: ApplyItem[]; refused: Refusal[] }> {
  const embedded = records.some(({ entity }) => needsEmbedding(role, entity))
    ? await embeddings.resolve(records)
    : null;
  const refused: Refusal[] = [...(embedded?.refused ?? [])];
  const without = new Set(refused.map(nameOf));
  const items: ApplyItem[] = [];
  for (const record of records) {
    const name = nameOf(record);
    if (without.has(name)) continue;
    const { model, dimensions } = sync.embedder;
    const context: ProjectionContext = { embedding: embedded?.found.get(name) ?? null, model, dimensions };
    try {
      items.push(toApplyItem(role, record, context, sync.retention));
    } catch (thrown) {
      // What was thrown may quote the content, so only its kind is kept.
      const kind = thrown instanceof Error ? thrown.name : 'value';
      refused.push({ ...versionOf(record), reason: `the projection fails (${kind})` });
    }
  }
  return { items, refused };
}

function listed(position: StorePosition | null): StorePosition[] {
  return position === null ? [] : [position];
}

async function applyItems(
  target: ApplyParts['target'],
  items: readonly ApplyItem[],
  position: StorePosition | null,
): Promise<Omit<Applied, 'items'>> {
  try {
    return sorted(items, await target.apply({ items, positions: listed(position) }));
  } catch (thrown) {
    if (!toMindoraError(thrown).poison || items.length === 0) throw applyFailure(thrown);
    const bisected = await bisect(target, items, toMindoraError(thrown).message);
    if (position !== null) await target.apply({ items: [], positions: [position] });
    return bisected;
  }
}

/** Says that it was the store that failed, and not what was asked of the primary or the embedder on the way. */
function applyFailure(thrown: unknown): MindoraError {
  const error = toMindoraError(thrown);
  return new MindoraError(error.code, error.message, { cause: thrown, data: { ...error.data, applying: true } });
}

/** A store that refuses a whole batch for one record's sake: halves, down to the record. */
async function bisect(
  target: ApplyParts['target'],
  items: readonly ApplyItem[],
  reason: string,
): Promise<Omit<Applied, 'items'>> {
  const [only] = items;
  if (items.length === 1 && only !== undefined) return { held: [], refused: [{ ...versionOf(only), reason }] };
  const middle = items.length >> 1;
  const first = await applyItems(target, items.slice(0, middle), null);
  const second = await applyItems(target, items.slice(middle), null);
  return { held: [...first.held, ...second.held], refused: [...first.refused, ...second.refused] };
}

function sorted(items: readonly ApplyItem[], results: readonly ApplyResult[]): Omit<Applied, 'items'> {
  const held: RecordVersion[] = [];
  const refused: Refusal[] = [];
  for (const [index, item] of items.entries()) {
    const result = results[index];
    if (result === undefined || result.outcome === 'applied') held.push(versionOf(item));
    else if (result.outcome === 'stale') held.push({ ...versionOf(item), version: result.version });
    else refused.push({ ...versionOf(item), reason: result.reason });
  }
  return { held, refused };
}

function versionOf({ entity, id, version }: RecordVersion): RecordVersion {
  return { entity, id, version };
}
