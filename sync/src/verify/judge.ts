/** Telling lag from drift: records that didn't agree at first sight are looked at again until it is clear. */
import type { RecordKey } from '@mindora/contracts';
import type { LedgerRecord, ParkedRecord, StoredRecord } from '@mindora/stores';
import { diedReason } from '../parking.ts';
import { compare, type Finding, type Look } from './compare.ts';
import { type CheckContext, isPending, persist } from './context.ts';
import { expectedItems } from './expected.ts';
import { isRecovering, type Seen, settle } from './settle.ts';

/** A record that didn't agree when it was last looked at. */
export interface Candidate extends Seen {
  /** How often it was looked at again. */
  readonly rounds: number;
}

/** A record that the store has wrong. */
export interface Drifted extends RecordKey {
  readonly line: LedgerRecord | null;
  readonly stored: StoredRecord | null;
  readonly finding: Finding;
}

export interface Judged {
  agreed: number;
  /** Written again each time; the store followed. */
  moving: number;
  /** Refused by the store in its present version. */
  parked: number;
  readonly drifted: Drifted[];
  /** Still on its way when patience ended. */
  readonly pending: Candidate[];
}

/** A store that followed a record this many times is let go, though no moment was found to compare contents. */
const followedMax = 12;
const pauseMs = 8;

/** Most parked records that are considered at once. */
const parkedMax = 10_000;

export function candidateOf(key: RecordKey, line: LedgerRecord | null): Candidate {
  const { entity, id } = key;
  return { entity, id, version: line?.version ?? 0, mark: line?.mark ?? null, rounds: 0 };
}

/**
 * Looks at candidates again until each agrees, drifted, was parked, or patience ended. Drift is said only of a record
 * that a barrier has passed and whose line was the same before it, before and after the store was read, and unmarked.
 */
export async function judge(context: CheckContext, candidates: readonly Candidate[]): Promise<Judged> {
  const judged: Judged = { agreed: 0, moving: 0, parked: 0, drifted: [], pending: [] };
  let open = candidates;
  context.patience.begin();
  while (open.length > 0) {
    const settled = await persist(context.patience, () => settle(context, open));
    const again = await judgeOnce(context, open, settled, judged);
    if (again.length < open.length) context.patience.renew();
    else if (context.patience.over) {
      context.patience.giveUp();
      judged.pending.push(...again);
      break;
    }
    open = again;
    if (open.length > 0) await context.patience.pause(pauseMs);
  }
  return judged;
}

async function judgeOnce(
  context: CheckContext,
  open: readonly Candidate[],
  settled: boolean,
  judged: Judged,
): Promise<Candidate[]> {
  const looks = await persist(context.patience, () => lookAt(context, open));
  const now = context.parts.clock.now();
  const again: Candidate[] = [];
  const suspects: Drifted[] = [];
  for (const [index, candidate] of open.entries()) {
    const look = looks[index];
    const finding = look === undefined ? null : compare(look, now, context.rules);
    if (look === undefined || finding === null) judged.agreed++;
    else if (isClear(context, candidate, look, settled)) suspects.push(driftedOf(candidate, look, finding));
    else lookAgain(candidate, look, again, judged);
  }
  again.push(...(await confirm(context, suspects, judged)));
  return again;
}

function driftedOf({ entity, id }: Candidate, { line, stored }: Look, finding: Finding): Drifted {
  return { entity, id, line, stored, finding };
}

/** The primary first, then the store. */
async function lookAt(context: CheckContext, keys: readonly RecordKey[]): Promise<Look[]> {
  const lines = await context.parts.ledger.read(keys);
  const stored = await context.target.get(keys);
  const expected = await expectedItems(context.parts, context.role, lines);
  return keys.map(({ id }, index) => ({
    id,
    line: lines[index] ?? null,
    stored: stored[index] ?? null,
    expected: expected[index] ?? null,
  }));
}

/** What the ledger doesn't know never was on its way; all else must have passed the barrier unchanged. */
function isClear({ role }: CheckContext, seen: Seen, { line }: Look, settled: boolean): boolean {
  if (line === null) return seen.mark === null;
  return settled && line.mark === seen.mark && line.version === seen.version && !isPending(line, role);
}

function lookAgain(candidate: Candidate, look: Look, again: Candidate[], judged: Judged): void {
  const followed = candidate.mark !== null && (look.stored?.version ?? -1) >= candidate.version;
  const written = look.line !== null && look.line.version > candidate.version;
  const rounds = followed && written ? candidate.rounds + 1 : candidate.rounds;
  if (rounds >= followedMax) judged.moving++;
  else again.push({ ...candidateOf(candidate, look.line), rounds });
}

/** Reads the primary once more: a line that moved while the store was read proves nothing. */
async function confirm(context: CheckContext, suspects: readonly Drifted[], judged: Judged): Promise<Candidate[]> {
  if (suspects.length === 0) return [];
  // A store that was emptied after the barrier: asked before the ledger, so that what was touched since shows there.
  const recovering = await persist(context.patience, () => isRecovering(context));
  const lines = await persist(context.patience, () => context.parts.ledger.read(suspects));
  const parked = await parkedVersions(context);
  const again: Candidate[] = [];
  for (const [index, suspect] of suspects.entries()) {
    const line = lines[index] ?? null;
    const same = line === null ? suspect.line === null : line.mark === suspect.line?.mark;
    if (recovering || !same || isPending(line, context.role)) again.push(candidateOf(suspect, line));
    else if (line !== null && parked.get(`${suspect.entity} ${suspect.id}`) === line.version) judged.parked++;
    else judged.drifted.push(suspect);
  }
  return again;
}

async function parkedVersions(context: CheckContext): Promise<Map<string, number>> {
  const parked = await standingParked(context, parkedMax);
  return new Map(parked.map(({ entity, id, version }) => [`${entity} ${id}`, version]));
}

/** What is parked of a store, without the traces of records that are just being tried alone (see `isolate.ts`). */
export async function standingParked(
  { parts, role }: Pick<CheckContext, 'parts' | 'role'>,
  limit: number,
): Promise<ParkedRecord[]> {
  const parked = await parts.ledger.parked({ store: role, entity: null, limit });
  return parked.filter(({ reason, attempts }) => reason !== diedReason || attempts > 1);
}
