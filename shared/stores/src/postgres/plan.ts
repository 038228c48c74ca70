import type { EntityName } from '@mindora/contracts';
import { assertItem } from '../embedded/checks.ts';
import { ContentError } from '../embedded/errors.ts';
import type { ApplyItem, Target } from '../port.ts';
import type { Write as PlannedWrite } from '../records/plan.ts';
import { isHoldable } from './columns.ts';
import type { BoundRow, Table } from './table.ts';

export type Write = PlannedWrite<BoundRow>;

export type Tables = ReadonlyMap<EntityName, Table>;

/** The row of an item, null for a deletion. @throws ContentError where the engine can't hold it */
export function bindItem(role: Target['role'], tables: Tables, item: ApplyItem): BoundRow | null {
  assertItem(role, item);
  if (!isHoldable(item.id)) throw new ContentError('the id holds NUL, which PostgreSQL has not');
  if (item.owner !== null && !isHoldable(item.owner)) throw new ContentError('the owner is not valid');
  if (item.document === null) return null;
  const table = tables.get(item.entity);
  if (table === undefined) throw new ContentError('no table of this entity');
  return table.bind(item.document);
}
