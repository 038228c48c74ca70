/**
 * Applying a batch in one commit. First the lines of the version guard, in the order of their keys: whoever writes the
 * same record waits there. Only then, in statements of their own that see what the others have committed, the documents.
 */
import type { EntityName, RecordKey, Role } from '@mindora/contracts';
import type { ApplyBatch, ApplyItem, ApplyResult } from '../port.ts';
import { keyOf, type Plan, planBatch } from '../records/plan.ts';
import { isHoldable } from './columns.ts';
import type { Database, Session } from './database.ts';
import { refusalOf } from './errors.ts';
import { bindItem, type Tables, type Write } from './plan.ts';
import { advance, forgetExpired, heldVersions, putLines } from './register.ts';
import type { BoundRow } from './table.ts';

/** Expired records that one batch removes on its way. */
const sweptPerBatchMax = 100;
/** How often a batch is tried again without what the engine has refused of it. */
const roundsMax = 5;

export interface Applier {
  readonly role: Role;
  readonly tables: Tables;
  readonly database: Database;
  readonly vectorOid: number;
  readonly now: number;
}

/** @throws MindoraError `store_unavailable` where nothing was applied */
export async function applyBatch(applier: Applier, batch: ApplyBatch): Promise<ApplyResult[]> {
  const refusals = new Map<number, string>();
  for (let round = 1; ; round++) {
    const { role, tables } = applier;
    const plan = planBatch(batch.items, refusals, (item) => bindItem(role, tables, item));
    try {
      return await applier.database.transaction((session) => applyPlan(applier, session, batch, plan));
    } catch (error) {
      if (refusalOf(error) === null || round === roundsMax) throw error;
      const found = await applier.database.transaction((session) => findRefused(applier, session, plan.writes));
      // Nothing to be found: it was not the content of one record.
      if (found.length === 0) throw error;
      for (const { index, reason } of found) refusals.set(index, reason);
    }
  }
}

async function applyPlan(
  applier: Applier,
  session: Session,
  batch: ApplyBatch,
  plan: Plan<BoundRow>,
): Promise<ApplyResult[]> {
  const written = await writeAll(applier, session, plan.writes);
  await advance(session, batch.positions);
  if (batch.items.some(({ expiresAt }) => expiresAt !== null)) {
    await removeAll(applier.tables, session, await forgetExpired(session, applier.now, sweptPerBatchMax));
  }
  return withStale(session, batch.items, plan.results, written);
}

/** Writes lines and documents; the keys of those that were not older than what is there. */
async function writeAll(applier: Applier, session: Session, writes: readonly Write[]): Promise<Set<string>> {
  if (writes.length === 0) return new Set();
  const items = writes.map(({ item }) => item);
  const written = await putLines(session, items, applier.now);
  const taken = writes.filter(({ item }) => written.has(keyOf(item)));
  await removeAll(
    applier.tables,
    session,
    taken.filter(({ row }) => row === null).map(({ item }) => item),
  );
  for (const [entity, table] of applier.tables) {
    const rows = taken.filter(({ item, row }) => item.entity === entity && row !== null).map(({ row }) => row);
    await table.put(session, rows as BoundRow[], applier.vectorOid);
  }
  return written;
}

/** Removes documents, whether or not sync wrote them. */
export async function removeAll(tables: Tables, session: Session, keys: readonly RecordKey[]): Promise<void> {
  const byEntity = Map.groupBy(keys, ({ entity }) => entity);
  for (const [entity, some] of byEntity as Map<EntityName, RecordKey[]>) {
    await tables.get(entity)?.remove(
      session,
      some.map(({ id }) => id),
    );
  }
}

/** The results, where the store turned out to hold something newer. */
async function withStale(
  session: Session,
  items: readonly ApplyItem[],
  results: readonly ApplyResult[],
  written: ReadonlySet<string>,
): Promise<ApplyResult[]> {
  const isOpen = (item: ApplyItem, i: number) => results[i]?.outcome === 'refused' || !written.has(keyOf(item));
  const open = items.filter((item, i) => isOpen(item, i) && isHoldable(item.id));
  const held = open.length === 0 ? new Map<string, number>() : await heldVersions(session, open);
  return items.map((item, i) => {
    const version = held.get(keyOf(item)) ?? 0;
    if (version > item.version) return { outcome: 'stale', version };
    return results[i] ?? { outcome: 'applied' };
  });
}

interface Refused {
  readonly index: number;
  readonly reason: string;
}

/** Writes halves, and halves of halves, to see what the engine refuses; keeps nothing of it. */
async function findRefused(applier: Applier, session: Session, writes: readonly Write[]): Promise<Refused[]> {
  await session.query('SAVEPOINT part');
  const reason = await reasonOf(() => writeAll(applier, session, writes));
  await session.query('ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part');
  const [first] = writes;
  if (reason === null || first === undefined) return [];
  if (writes.length === 1) return [{ index: first.index, reason }];
  const middle = Math.ceil(writes.length / 2);
  const left = await findRefused(applier, session, writes.slice(0, middle));
  return [...left, ...(await findRefused(applier, session, writes.slice(middle)))];
}

async function reasonOf(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work();
    return null;
  } catch (error) {
    const reason = refusalOf(error);
    if (reason === null) throw error;
    return reason;
  }
}
