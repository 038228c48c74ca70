/** Judging one record by what the ledger, the projection and the store say. Pure. */
import { canonicalJson, type DriftCause, type DriftKind, type RepairAction, type Row } from '@mindora/contracts';
import type { ApplyItem, LedgerRecord, StoredRecord } from '@mindora/stores';

/** A record as both sides showed it. */
export interface Look {
  readonly id: string;
  readonly line: LedgerRecord | null;
  readonly stored: StoredRecord | null;
  /** What the store should hold; null where the ledger has no live record. */
  readonly expected: ApplyItem | null;
}

/** What is wrong with a record, if the two sides were still the same when looked at again. */
export interface Finding {
  readonly kind: DriftKind;
  readonly cause: DriftCause;
  readonly fields: readonly string[];
}

/** How a store may differ from others in what it shows. */
export interface ComparisonRules {
  /** The store forgets by itself what has expired. */
  readonly expires: boolean;
}

/**
 * Around the time of forgetting either is right, in milliseconds: the clocks of ledger and store, and the moment
 * between two reads, are not the same.
 */
export const retentionMarginMs = 5_000;

/** Stands for the time of forgetting among the names of fields. */
const expiryField = 'expires_at';

/** Null where the two sides agree. `now` in milliseconds since 1970. */
export function compare(look: Look, now: number, rules: ComparisonRules): Finding | null {
  const { line, stored } = look;
  const shown = shows(stored, now) ? stored : null;
  if (line === null) return shown === null ? null : { kind: 'extra', cause: causeOfExtra(shown), fields: [] };
  if (look.expected === null) return compareDeleted(line, stored, shown);
  if (shown === null) return compareAbsent(look.expected, line, stored, now);
  return comparePresent(look.expected, line, shown, now, rules);
}

/** Whether queries would see a document. */
export function shows(stored: StoredRecord | null, now: number): stored is StoredRecord & { document: Row } {
  if (stored === null || stored.deleted || stored.document === null) return false;
  return stored.expiresAt === null || stored.expiresAt > now - retentionMarginMs;
}

/** How a finding is mended: by sending the record again, above the store's version where that is ahead. */
export function repairOf(line: LedgerRecord | null, stored: StoredRecord | null): RepairAction {
  return (stored?.version ?? 0) > (line?.version ?? 0) ? 'raise' : 'touch';
}

function causeOfExtra(stored: StoredRecord): DriftCause {
  return stored.version === null ? 'edited' : 'unknown';
}

function isAhead(line: LedgerRecord, stored: StoredRecord | null): boolean {
  return stored !== null && stored.version !== null && stored.version > line.version;
}

function compareDeleted(line: LedgerRecord, stored: StoredRecord | null, shown: StoredRecord | null): Finding | null {
  if (shown !== null) {
    return { kind: 'resurrected', cause: shown.version === null ? 'edited' : 'resurrected', fields: [] };
  }
  // A tombstone above the ledger would swallow the next insert of this id.
  return isAhead(line, stored) ? { kind: 'different', cause: 'ahead', fields: [] } : null;
}

function compareAbsent(
  expected: ApplyItem,
  line: LedgerRecord,
  stored: StoredRecord | null,
  now: number,
): Finding | null {
  if (isAhead(line, stored)) return { kind: 'missing', cause: 'ahead', fields: [] };
  if (expected.expiresAt !== null && expected.expiresAt - retentionMarginMs <= now) return null;
  if (stored === null) return { kind: 'missing', cause: 'lost', fields: [] };
  const atVersion = stored.version === line.version;
  if (atVersion && stored.evicted === true) return null;
  return { kind: 'missing', cause: atVersion ? 'edited' : 'lost', fields: [] };
}

function comparePresent(
  expected: ApplyItem,
  line: LedgerRecord,
  stored: StoredRecord,
  now: number,
  rules: ComparisonRules,
): Finding | null {
  const fields = differingFields(expected.document ?? {}, stored.document ?? {});
  if (stored.version === null) return { kind: 'different', cause: 'edited', fields };
  if (stored.version > line.version) return { kind: 'different', cause: 'ahead', fields };
  if (stored.version < line.version) return { kind: 'stale', cause: 'stale', fields };
  if (fields.length > 0) return { kind: 'different', cause: 'edited', fields };
  if (stored.fault !== undefined) return { kind: 'different', cause: 'index', fields: [] };
  if (!rules.expires) return null;
  const overdue = expected.expiresAt !== null && expected.expiresAt + retentionMarginMs < now;
  if (!overdue && stored.expiresAt === expected.expiresAt) return null;
  return { kind: 'different', cause: 'retention', fields: [expiryField] };
}

/** Names of the fields whose canonical values differ; a missing field differs from null. */
export function differingFields(expected: Row, actual: Row): string[] {
  const fields: string[] = [];
  for (const field of Object.keys(expected)) {
    const wanted = expected[field];
    const found = actual[field];
    if (wanted === found) continue;
    if (found === undefined || wanted === undefined || canonicalJson(wanted) !== canonicalJson(found)) {
      fields.push(field);
    }
  }
  for (const field of Object.keys(actual)) if (!(field in expected)) fields.push(field);
  return fields.sort();
}
