/** Reading the primary and a store side by side, in bounded chunks in the order of ids. */
import { compareKeys, type EntityName, type Json, type Row } from '@mindora/contracts';
import type { LedgerRecord, StoredRecord } from '@mindora/stores';
import type { Look } from './compare.ts';
import type { CheckContext } from './context.ts';
import { expectedItems } from './expected.ts';

export interface Chunk {
  readonly looks: readonly Look[];
  /** Id to go on after; null at the end. */
  readonly next: string | null;
  /** How many records to read next. */
  readonly limit: number;
}

/** Most records of a chunk, and about how much of rows it may hold, in characters. */
export const chunkRecordsMax = 500;
const chunkSizeMax = 4_000_000;

/**
 * One chunk. The primary is read first, in one snapshot, then the store: what the store has beyond the snapshot is
 * newer, never older. The chunk ends where the shorter of both reads ends, so both sides cover the same ids.
 */
export async function readChunk(
  { parts, role, target }: CheckContext,
  entity: EntityName,
  after: string | null,
  limit: number,
): Promise<Chunk> {
  const lines = await parts.ledger.scan(entity, after, limit);
  const page = await target.scan(entity, after, Math.max(limit, lines.length));
  const next = lower(lines.at(-1)?.id ?? null, page.next);
  const listed = upTo(lines, next);
  const expected = await expectedItems(parts, role, listed);
  const looks = merge(listed, expected, upTo(page.records, next));
  return { looks, next, limit: limitFor(lines) };
}

/** The lower of two ends; null is the end of all. */
function lower(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return compareKeys(a, b) <= 0 ? a : b;
}

function upTo<T extends { readonly id: string }>(records: readonly T[], end: string | null): readonly T[] {
  let length = records.length;
  if (end !== null) while (length > 0 && compareKeys(records[length - 1]?.id ?? '', end) > 0) length--;
  return length === records.length ? records : records.slice(0, length);
}

function merge(
  lines: readonly LedgerRecord[],
  expected: readonly Look['expected'][],
  stored: readonly StoredRecord[],
): Look[] {
  const looks: Look[] = [];
  let left = 0;
  let right = 0;
  for (;;) {
    const line = lines[left];
    const record = stored[right];
    if (line === undefined && record === undefined) return looks;
    const order = line === undefined ? 1 : record === undefined ? -1 : compareKeys(line.id, record.id);
    looks.push({
      id: (order <= 0 ? line?.id : record?.id) ?? '',
      line: order <= 0 ? (line ?? null) : null,
      stored: order >= 0 ? (record ?? null) : null,
      expected: order <= 0 ? (expected[left] ?? null) : null,
    });
    if (order <= 0) left++;
    if (order >= 0) right++;
  }
}

/** As many records as fit the size, judged by those just read. */
function limitFor(lines: readonly LedgerRecord[]): number {
  let size = 0;
  for (const { row } of lines) if (row !== null) size += sizeOf(row);
  if (size === 0) return chunkRecordsMax;
  return Math.max(1, Math.min(chunkRecordsMax, Math.floor((lines.length * chunkSizeMax) / size)));
}

function sizeOf(value: Json | Row): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let size = 16;
  for (const member of Object.values(value)) size += sizeOf(member as Json);
  return size;
}
