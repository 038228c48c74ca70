/**
 * Applying a batch in one commit. First the lines of the version guard are locked, in the order of their keys: whoever
 * writes the same record waits there. Only then, knowing what is held, lines and documents are written.
 */
import type { EntityName, Role } from '@mindora/contracts';
import { assertItem } from '../embedded/checks.ts';
import { ContentError } from '../embedded/errors.ts';
import type { ApplyBatch, ApplyItem, ApplyResult } from '../port.ts';
import { keyOf, type Plan, type Write as PlannedWrite, planBatch } from '../records/plan.ts';
import { type Database, refusalOf, type Session } from './database.ts';
import { advance, dropNewLines, ended, forgetLines, lockLines, putLines } from './register.ts';
import type { BoundRow, Table } from './table.ts';

/** Expired records that one batch removes on its way. */
const sweptPerBatchMax = 100;
/** Characters of an id or an owner. */
const nameLengthMax = 255;

export interface Applier {
  readonly role: Role;
  readonly tables: ReadonlyMap<EntityName, Table>;
  readonly database: Database;
  readonly now: number;
}

type Write = PlannedWrite<BoundRow>;

/** @throws MindoraError `store_unavailable` where nothing was applied */
export async function applyBatch(applier: Applier, batch: ApplyBatch): Promise<ApplyResult[]> {
  const refusals = new Map<number, string>();
  for (;;) {
    const plan = planBatch(batch.items, refusals, (item) => bind(applier, item));
    try {
      return await applier.database.transaction((session) => applyPlan(applier, session, batch, plan));
    } catch (thrown) {
      const reason = refusalOf(thrown);
      if (reason === null) throw thrown;
      const found = await applier.database.transaction((session) => findRefused(applier, session, plan.writes));
      // Nothing to be found: it was not the content of one record.
      if (found.size === 0) throw thrown;
      for (const [index, why] of found) refusals.set(index, why);
    }
  }
}

/** The row of an item, null for a deletion. @throws ContentError where the engine can't hold it */
function bind({ role, tables }: Applier, item: ApplyItem): BoundRow | null {
  assertItem(role, item);
  for (const name of [item.id, item.owner ?? '']) {
    if ([...name].length > nameLengthMax) throw new ContentError('the id or the owner is too long');
  }
  if (item.document === null) return null;
  const table = tables.get(item.entity);
  if (table === undefined) throw new ContentError('no table of this entity');
  return table.bind(item.document);
}

async function applyPlan(
  applier: Applier,
  session: Session,
  batch: ApplyBatch,
  plan: Plan<BoundRow>,
): Promise<ApplyResult[]> {
  const refused = batch.items.filter((item, i) => plan.results[i]?.outcome === 'refused' && isKey(item));
  const keys = [...plan.writes.map(({ item }) => item), ...refused];
  const held = await lockLines(session, keys);
  const taken = plan.writes.filter(({ item }) => (held.get(keyOf(item)) ?? 0) <= item.version);
  await write(applier, session, taken);
  await dropNewLines(session, refused);
  await advance(session, batch.positions);
  if (batch.items.some(({ expiresAt }) => expiresAt !== null)) await sweep(applier, session);
  return batch.items.map((item, i): ApplyResult => {
    const planned = plan.results[i] ?? { outcome: 'applied' };
    // What stood in the batch before it may be newer still.
    const version = Math.max(held.get(keyOf(item)) ?? 0, planned.outcome === 'stale' ? planned.version : 0);
    return version > item.version ? { outcome: 'stale', version } : planned;
  });
}

function isKey({ id }: ApplyItem): boolean {
  return id.isWellFormed() && [...id].length <= nameLengthMax;
}

async function write({ tables, now }: Applier, session: Session, taken: readonly Write[]): Promise<void> {
  await putLines(
    session,
    taken.map(({ item }) => item),
    now,
  );
  for (const [entity, table] of tables) {
    const mine = taken.filter(({ item }) => item.entity === entity);
    await table.remove(
      session,
      mine.filter(({ row }) => row === null).map(({ item }) => item.id),
    );
    await table.put(
      session,
      mine.flatMap(({ row }) => (row === null ? [] : [row])),
    );
  }
}

async function sweep({ tables, now }: Applier, session: Session): Promise<void> {
  const keys = await ended(session, now, Number.MIN_SAFE_INTEGER, sweptPerBatchMax);
  for (const { entity, id } of keys) await tables.get(entity)?.remove(session, [id]);
  await forgetLines(session, keys);
}

/** Writes one after the other to see which of them the engine refuses; keeps nothing of it. */
async function findRefused(applier: Applier, session: Session, writes: readonly Write[]): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const one of writes) {
    await session.run('SAVEPOINT part', []);
    try {
      await write(applier, session, [one]);
    } catch (thrown) {
      const reason = refusalOf(thrown);
      if (reason === null) throw thrown;
      found.set(one.index, reason);
    }
    await session.run('ROLLBACK TO SAVEPOINT part', []);
  }
  return found;
}
