/** What of a batch is written, decided without the engine: by the versions that it holds, and by content. */
import { compareKeys, type Row } from '@mindora/contracts';
import { assertItem } from '../../embedded/checks.ts';
import { ContentError, refusalOf } from '../../embedded/errors.ts';
import type { ApplyItem, ApplyResult } from '../../port.ts';
import type { GraphEntity } from '../shape.ts';
import { isGraphEntity, names, recordKey } from './names.ts';
import { type EdgeCells, edgesWanted, timeOf } from './state.ts';
import { assertIndexable, type Property, toProperties } from './values.ts';

/** An item as it will lie in the graph. */
export interface Prepared {
  readonly entity: GraphEntity;
  readonly id: string;
  readonly key: string;
  readonly version: number;
  /** Of the record's node, sync's own included. */
  readonly properties: Readonly<Record<string, Property>>;
  /** Null buries it. */
  readonly document: Row | null;
  readonly edges: readonly EdgeCells[];
  readonly expires: boolean;
}

/** An item with what becomes of it whatever the store holds: written, or refused. */
export interface Weighed {
  readonly key: string | null;
  readonly version: number;
  readonly prepared: Prepared | null;
  readonly reason: string;
}

export function weigh(item: ApplyItem, now: number): Weighed {
  const { entity, id, version } = item;
  const key = isGraphEntity(entity) && id.isWellFormed() && isKeyable(id) ? recordKey(entity, id) : null;
  try {
    return { key, version, prepared: prepare(item, now), reason: '' };
  } catch (thrown) {
    const reason = refusalOf(thrown);
    if (reason === null) throw thrown;
    return { key, version, prepared: null, reason };
  }
}

function isKeyable(id: string): boolean {
  try {
    assertIndexable('the id', id);
    return true;
  } catch (thrown) {
    if (thrown instanceof ContentError) return false;
    throw thrown;
  }
}

/** @throws ContentError where the graph can't hold it */
function prepare(item: ApplyItem, now: number): Prepared {
  assertItem('graph', item);
  const { id, version, document, expiresAt } = item;
  const entity = item.entity as GraphEntity;
  assertIndexable('the id', id);
  const key = recordKey(entity, id);
  const noted: Record<string, Property> = { _key: key, _version: BigInt(version), _deleted: document === null };
  const base = { entity, id, key, version, document };
  if (document === null) {
    return { ...base, properties: { ...noted, _deletedAt: BigInt(now) }, edges: [], expires: false };
  }
  const properties = { ...toProperties(names[entity].definition, document), ...noted };
  if (entity === 'conversation') properties._at = timeOf(document);
  if (expiresAt !== null) properties._expiresAt = BigInt(expiresAt);
  return { ...base, properties, edges: edgesWanted(names[entity], id, document), expires: expiresAt !== null };
}

export interface Decision {
  readonly results: ApplyResult[];
  /** The last item of each record that is taken, in the order of keys. */
  readonly taken: Prepared[];
}

/** Goes through a batch in its order; `held` are the versions that the store has, by key. */
export function decide(items: readonly Weighed[], held: ReadonlyMap<string, number>): Decision {
  const versions = new Map(held);
  const taken = new Map<string, Prepared>();
  const results = items.map(({ key, version, prepared, reason }): ApplyResult => {
    const known = key === null ? undefined : versions.get(key);
    if (known !== undefined && known > version) return { outcome: 'stale', version: known };
    if (prepared === null) return { outcome: 'refused', reason };
    versions.set(prepared.key, version);
    taken.set(prepared.key, prepared);
    return { outcome: 'applied' };
  });
  return { results, taken: [...taken.values()].sort((a, b) => compareKeys(a.key, b.key)) };
}

/** All keys of a batch, each once, in one order for all transactions: so none waits for another in a circle. */
export function keysOf(items: readonly Weighed[]): string[] {
  const keys = items.map(({ key }) => key).filter((key) => key !== null);
  return [...new Set(keys)].sort(compareKeys);
}
