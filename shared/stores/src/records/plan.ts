/** What of a batch is to be written to tables: pure, so that it can be done again when an engine refuses something. */
import type { RecordKey } from '@mindora/contracts';
import { ContentError } from '../embedded/errors.ts';
import type { ApplyItem, ApplyResult } from '../port.ts';

/** One text for a record's name. */
export function keyOf({ entity, id }: RecordKey): string {
  return `${entity}\0${id}`;
}

/** The last good state of a record in a batch. */
export interface Write<R> {
  readonly item: ApplyItem;
  /** Its place in the batch. */
  readonly index: number;
  /** Null deletes. */
  readonly row: R | null;
}

export interface Plan<R> {
  /** In the order of the keys as bytes, so that two appliers lock in the same order. No key occurs twice. */
  readonly writes: readonly Write<R>[];
  /** In the order of the items, as if the store had held nothing newer. */
  readonly results: readonly ApplyResult[];
}

/**
 * @param refusals places in the batch whose content the engine is known to refuse, with the reason
 * @param bind gives the row of an item, null for a deletion; throws ContentError where the engine can't hold it
 */
export function planBatch<R>(
  items: readonly ApplyItem[],
  refusals: ReadonlyMap<number, string>,
  bind: (item: ApplyItem) => R | null,
): Plan<R> {
  const last = new Map<string, Write<R>>();
  const results = items.map((item, index): ApplyResult => {
    const newest = last.get(keyOf(item))?.item.version ?? 0;
    if (newest > item.version) return { outcome: 'stale', version: newest };
    try {
      const known = refusals.get(index);
      if (known !== undefined) throw new ContentError(known);
      last.set(keyOf(item), { item, index, row: bind(item) });
      return { outcome: 'applied' };
    } catch (thrown) {
      if (thrown instanceof ContentError) return { outcome: 'refused', reason: thrown.message };
      throw thrown;
    }
  });
  const inOrder = [...last].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return { writes: inOrder.map(([, write]) => write), results };
}
