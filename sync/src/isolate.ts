/**
 * A batch that brings down who applies it (rule 11): its records one by one, until the one at fault is known.
 *
 * Where the process itself dies, memory dies with it. So before a record is applied alone, it is parked with
 * {@link diedReason}, and released after: if the process dies there, its entry says where. It is tried a second time,
 * lest a kill from outside condemn an innocent; found a second time, it stays parked. Halving the batch would need as
 * many deaths as there are halvings; this needs two for each record at fault.
 *
 * Where only the store's thread or server dies, the worker lives and counts: a record at which the store fails twice
 * while it works before and after is refused.
 */
import type { Change, RecordVersion } from '@mindora/contracts';
import { toMindoraError } from '@mindora/runtime';
import { type Applied, type ApplyParts, applyChanges } from './apply.ts';
import { diedReason, type Parking, type Refusal } from './parking.ts';
import { nameOf } from './parts.ts';

/** Deliveries of one batch after which its records are applied one by one. */
export const deliveriesMax = 2;
/** Failures of a working store at one batch after which its records are applied one by one. */
export const failuresMax = 3;
/** Failures at one record alone, before it is held to be at fault. */
const strikesMax = 2;

/** What a worker remembers of a batch that it tries again and again. */
export interface Suspicion {
  /**
   * It was given to the store once. From then on a reconcile doesn't make it needless: what it holds would come in
   * another batch, of which nobody knows that it fails.
   */
  tried: boolean;
  /** Times that the store failed while it applied, and worked afterwards. */
  failures: number;
  /** By record: times that the store failed while it applied this record alone. */
  readonly strikes: Map<string, number>;
}

/** Whether a store failed in the very act of applying, as far as the error tells. */
export function failedApplying(thrown: unknown): boolean {
  return toMindoraError(thrown).data.applying === true;
}

/** Whether a store that just failed works again. */
export async function worksAgain({ target }: Pick<ApplyParts, 'target'>): Promise<boolean> {
  try {
    if (!(await target.health()).ok) return false;
    await target.apply({ items: [], positions: [] });
    return true;
  } catch {
    // It doesn't: that is the answer, and the failure that made us ask is the one that is reported.
    return false;
  }
}

/** Applies changes one by one, without a position. @throws what the store throws, until a record is held at fault */
export async function applyOneByOne(
  parts: ApplyParts,
  parking: Parking,
  changes: readonly Change[],
  suspicion: Suspicion,
  mayKillProcess: boolean,
): Promise<Applied> {
  const held: RecordVersion[] = [];
  const refused: Refusal[] = [];
  for (const change of changes) {
    if ((suspicion.strikes.get(nameOf(change)) ?? 0) >= strikesMax) {
      refused.push({ ...versionOf(change), reason: 'the store fails while applying it' });
      continue;
    }
    const applied = await applyAlone(parts, parking, change, suspicion, mayKillProcess);
    held.push(...applied.held);
    refused.push(...applied.refused);
  }
  return { items: changes.length, held, refused };
}

/**
 * Whether a record is known to end the process that applies it, at this version. It is left alone in every batch: each
 * of those that name it would otherwise cost two more deaths. A replay takes the entry away, and tries anew.
 */
export function isCondemned(parking: Parking, change: Change): boolean {
  const entry = parking.find(change);
  return entry !== null && entry.reason === diedReason && entry.version >= change.version && entry.attempts >= 2;
}

async function applyAlone(
  parts: ApplyParts,
  parking: Parking,
  change: Change,
  suspicion: Suspicion,
  mayKillProcess: boolean,
): Promise<Applied> {
  if (mayKillProcess) await parking.park([{ ...versionOf(change), reason: diedReason }]);
  try {
    return await applyChanges(parts, [change], null);
  } catch (thrown) {
    const strikes = (suspicion.strikes.get(nameOf(change)) ?? 0) + 1;
    if (failedApplying(thrown) && (await worksAgain(parts))) suspicion.strikes.set(nameOf(change), strikes);
    throw thrown;
  } finally {
    // Whatever happened, this process survived it.
    if (mayKillProcess) await parking.unpark([versionOf(change)]);
  }
}

function versionOf({ entity, id, version }: RecordVersion): RecordVersion {
  return { entity, id, version };
}
