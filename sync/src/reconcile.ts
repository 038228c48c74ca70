/**
 * Reconcile (rule 8): the one way back to agreement after anything was lost. Compares (id, version) of ledger and store
 * both ways and touches what differs; the ordinary path does the rest.
 *
 * Why nothing between is missed, while writes and batches go on. `heads` is taken before the scan and becomes the
 * store's position after it. Take any state of a record in the ledger:
 * - marked before its ledger line was read: the line has its version or a newer one. The store, read first, had less:
 *   touched, so it is sent in a batch after the heads. The store had as much: it has it, since a store's version of a
 *   record never goes down, short of a loss, and a loss is found again by the checks that began this;
 * - marked after its line was read, so after the heads were taken: captured later, in a batch after the heads, which
 *   comes as an ordinary one.
 * Batches up to the heads that the store hasn't got any more are not needed; those that come all the same are applied
 * harmlessly. The store's page is read BEFORE the ledger's: the other way round a record that was written and applied
 * between the two would seem to be above the ledger, and be sent everywhere. A difference that only looks like one
 * (the batch was on its way) costs a second, equal application.
 */
import { compareKeys, type EntityName, entitiesOf, expiresAt, type RecordVersion, type Role } from '@mindora/contracts';
import type { LedgerRecord, PrimaryLedger, StoredRecord, StorePosition, Target, Touch } from '@mindora/stores';
import { chunksOf, type SyncParts } from './parts.ts';

const pageSize = 1000;
/** With rows, each of which may be large. */
const rowsPageSize = 200;
const touchesAtOnce = 1000;

/** Heads of the bus at one moment, within one incarnation. */
export interface Heads {
  readonly incarnation: string;
  readonly heads: readonly number[];
}

export interface Reconciled {
  readonly compared: number;
  readonly touched: number;
}

/** Reads heads that belong to one incarnation, though the bus may be lost meanwhile. */
export async function headsOf({ bus }: Pick<SyncParts, 'bus'>): Promise<Heads> {
  for (;;) {
    const incarnation = await bus.incarnation();
    const heads = await bus.heads();
    if ((await bus.incarnation()) === incarnation) return { incarnation, heads };
  }
}

/** Positions at the heads, for the partitions where they are wanted. */
export function positionsAt({ incarnation, heads }: Heads, wanted: (partition: number) => boolean): StorePosition[] {
  return heads.map((n, partition) => ({ incarnation, partition, n })).filter(({ partition }) => wanted(partition));
}

/**
 * Touches all that a store lacks, has too old, too new, or should not have.
 *
 * @param isParked whether the store has refused this version: it is not sent again before it is replayed or changed
 * @param onProgress called with the number of records compared so far
 * @throws what the store or the primary throws
 */
export async function reconcile(
  parts: Pick<SyncParts, 'ledger' | 'clock' | 'retention'>,
  target: Target,
  stop: AbortSignal,
  isParked: (line: RecordVersion) => boolean,
  onProgress: (compared: number) => void = () => undefined,
): Promise<Reconciled> {
  const { ledger } = parts;
  let compared = 0;
  let touched = 0;
  for (const name of entitiesOf(target.role)) {
    for await (const pairs of pairsOf(parts, target, name, stop)) {
      const touches = pairs.flatMap((pair) => touchFor(parts, target.role, isParked, pair) ?? []);
      for (const chunk of chunksOf(touches, touchesAtOnce)) await ledger.touch(chunk);
      compared += pairs.length;
      touched += touches.length;
      onProgress(compared);
    }
  }
  return { compared, touched };
}

interface Pair {
  readonly line: LedgerRecord | null;
  readonly stored: StoredRecord | null;
}

/**
 * Store and ledger side by side in the order of ids, page by page. Both are read up to the same id, that where the
 * shorter page ends.
 */
async function* pairsOf(
  { ledger }: Pick<SyncParts, 'ledger'>,
  target: Target,
  name: EntityName,
  stop: AbortSignal,
): AsyncGenerator<Pair[]> {
  let after: string | null = null;
  for (;;) {
    stop.throwIfAborted();
    const stored = await target.scanVersions(name, after, pageSize);
    const lines = await linesOf(ledger, target.role, name, after);
    const ends = [stored.next, lines.next].filter((end) => end !== null).sort(compareKeys);
    const through: string | null = ends[0] ?? null;
    yield merge(lines.records, stored.records, through);
    if (through === null) return;
    after = through;
  }
}

/** Ledger lines, with rows where the store's retention has to be counted from them. */
async function linesOf(ledger: PrimaryLedger, role: Role, name: EntityName, after: string | null) {
  const withRows = role === 'cache' || role === 'documents';
  const limit = withRows ? rowsPageSize : pageSize;
  const records = await (withRows ? ledger.scan(name, after, limit) : ledger.scanVersions(name, after, limit));
  const last = records.at(-1);
  // A page of rows may end early for its size; only an empty one is the end.
  const ended = last === undefined || (!withRows && records.length < limit);
  return { records, next: ended ? null : last.id };
}

function merge(lines: readonly LedgerRecord[], stored: readonly StoredRecord[], through: string | null): Pair[] {
  const pairs: Pair[] = [];
  const isIn = (id: string): boolean => through === null || compareKeys(id, through) <= 0;
  for (let i = 0, j = 0; ; ) {
    const line = lines[i];
    const record = stored[j];
    const hasLine = line !== undefined && isIn(line.id);
    const hasRecord = record !== undefined && isIn(record.id);
    if (!hasLine && !hasRecord) return pairs;
    const order = !hasLine ? 1 : !hasRecord ? -1 : compareKeys(line.id, record.id);
    pairs.push({ line: order <= 0 ? (line ?? null) : null, stored: order >= 0 ? (record ?? null) : null });
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
}

/** How to mend a difference; null where there is none. */
function touchFor(
  parts: Pick<SyncParts, 'clock' | 'retention'>,
  role: Role,
  isParked: (line: RecordVersion) => boolean,
  { line, stored }: Pair,
): Touch | null {
  if (line === null) {
    // Also a tombstone: its version would keep out a record that is inserted later and counts from one.
    const { entity, id, version } = stored as StoredRecord;
    return { entity, id, stores: null, above: version ?? 0 };
  }
  const { entity, id } = line;
  if (stored === null) {
    return isExpected(parts, role, line) && !isParked(line) ? { entity, id, stores: [role] } : null;
  }
  if (stored.version !== null && stored.version > line.version) {
    return { entity, id, stores: null, above: stored.version };
  }
  const agrees = stored.version === line.version && stored.deleted !== line.present && stored.fault === undefined;
  return agrees || isParked(line) ? null : { entity, id, stores: [role] };
}

/** Whether a store should have something of a record: not of deleted ones, nor of those it has let go. */
function isExpected({ clock, retention }: Pick<SyncParts, 'clock' | 'retention'>, role: Role, line: LedgerRecord) {
  if (!line.present) return false;
  if (line.row === null) return true;
  const until = expiresAt(role, line.entity, line.row, retention);
  return until === null || until > clock.now();
}
