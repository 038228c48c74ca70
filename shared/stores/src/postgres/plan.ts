/** What of a batch is to be written: pure, so that it can be done again when the engine refuses something. */
import type { EntityName } from '@mindora/contracts';
import { assertItem } from '../embedded/checks.ts';
import { ContentError } from '../embedded/errors.ts';
import type { ApplyItem, ApplyResult, Target } from '../port.ts';
import { isHoldable } from './columns.ts';
import { keyOf } from './register.ts';
import type { BoundRow, Table } from './table.ts';

/** The last good state of a record in a batch. */
export interface Write {
  readonly item: ApplyItem;
  /** Its place in the batch. */
  readonly index: number;
  /** Null deletes. */
  readonly row: BoundRow | null;
}

export interface Plan {
  /** In the order of the keys as bytes, so that two appliers lock in the same order. No key occurs twice. */
  readonly writes: readonly Write[];
  /** In the order of the items, as if the store had held nothing newer. */
  readonly results: readonly ApplyResult[];
}

export type Tables = ReadonlyMap<EntityName, Table>;

/** `refusals` are places in the batch whose content the engine is known to refuse. */
export function planBatch(
  role: Target['role'],
  tables: Tables,
  items: readonly ApplyItem[],
  refusals: ReadonlyMap<number, string>,
): Plan {
  const last = new Map<string, Write>();
  const results = items.map((item, index): ApplyResult => {
    const newest = last.get(keyOf(item))?.item.version ?? 0;
    if (newest > item.version) return { outcome: 'stale', version: newest };
    const bound = refusals.get(index) ?? bind(role, tables, item);
    if (typeof bound === 'string') return { outcome: 'refused', reason: bound };
    last.set(keyOf(item), { item, index, row: bound });
    return { outcome: 'applied' };
  });
  const inOrder = [...last].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return { writes: inOrder.map(([, write]) => write), results };
}

/** The row of an item, null for a deletion, or why it is refused. */
function bind(role: Target['role'], tables: Tables, item: ApplyItem): BoundRow | null | string {
  try {
    assertItem(role, item);
    if (!isHoldable(item.id)) throw new ContentError('the id holds NUL, which PostgreSQL has not');
    if (item.owner !== null && !isHoldable(item.owner)) throw new ContentError('the owner is not valid');
    return item.document === null ? null : (tables.get(item.entity)?.bind(item.document) ?? 'no table of this entity');
  } catch (error) {
    if (error instanceof ContentError) return error.message;
    throw error;
  }
}
