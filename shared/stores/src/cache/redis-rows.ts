import type { EntityName, Json, RecordKey, Row } from '@mindora/contracts';
import type { ApplyResult, ScanPage, StoredRecord, StorePosition } from '../port.ts';
import { isExpired } from './records.ts';
import { parseLine, type RedisLine } from './redis-keys.ts';

/** A record as it lies there. `content` is '' where only that it is there was asked. */
interface RedisRow {
  readonly line: RedisLine | null;
  readonly content: string | null;
}

/** Rows from the answer of a script: line and content in turn. */
export function rowsOf(cells: readonly (string | null)[]): RedisRow[] {
  const rows: RedisRow[] = [];
  for (let i = 0; i < cells.length; i += 2) {
    const line = cells[i] ?? null;
    rows.push({ line: line === null ? null : parseLine(line), content: cells[i + 1] ?? null });
  }
  return rows;
}

/** A page from the answer of a script: id, line and content in turn. */
export function pageOf(
  entity: EntityName,
  cells: readonly (string | null)[],
  more: boolean,
  { now, withContent }: { readonly now: number; readonly withContent: boolean },
): ScanPage {
  const ids = cells.filter((_, i) => i % 3 === 0) as string[];
  const rows = rowsOf(cells.filter((_, i) => i % 3 !== 0));
  const records = ids.map((id, i) => storedOf({ entity, id }, rows[i], now, withContent));
  return { records: records.filter((record) => record !== null), next: more ? (ids.at(-1) ?? null) : null };
}

/** What line and content say of a record together; null where queries see nothing and no tombstone stands. */
export function storedOf(
  { entity, id }: RecordKey,
  row: RedisRow | undefined,
  now: number,
  withContent = true,
): StoredRecord | null {
  if (row === undefined || !id.isWellFormed()) return null;
  const { line, content } = row;
  const there = content !== null;
  const read = there && withContent ? contentOfText(content) : { document: null };
  if (line === null || line.state === 'stray') {
    return there ? { entity, id, version: null, deleted: false, expiresAt: null, ...read } : null;
  }
  const facts = { entity, id, version: line.version };
  if (line.state === 'deleted') {
    const fault = 'a document stands where a tombstone should';
    return { ...facts, deleted: !there, expiresAt: null, ...read, ...(there ? { fault } : {}) };
  }
  if (isExpired(line.at, now)) return null;
  const kept = { ...facts, deleted: false, expiresAt: line.at };
  return there ? { ...kept, ...read } : { ...kept, document: null, evicted: true };
}

/** What clients see of a record: only what sync noted as living. */
export function liveContent(row: RedisRow | undefined, now: number): Row | null {
  if (row?.line?.state !== 'live' || row.content === null || isExpired(row.line.at, now)) return null;
  return contentOfText(row.content).document;
}

function contentOfText(text: string): { readonly document: Row; readonly fault?: string } {
  const value = parsed(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { document: value };
  return { document: {}, fault: 'the content is no document' };
}

/** Undefined for what isn't JSON: others may write into a server. */
function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** What a script answers for an item: the version that it holds, where that is newer. */
export function resultOf(held: string | undefined): ApplyResult {
  return held === undefined || held === '' ? { outcome: 'applied' } : { outcome: 'stale', version: Number(held) };
}

/** Positions as the state keeps them: incarnation and number, as text, by partition. */
export function positionsOf(text: string | null): StorePosition[] {
  const all = Object.entries(JSON.parse(text ?? '{}') as Record<string, [string, string]>);
  const positions = all.map(([partition, [incarnation, n]]) => {
    return { incarnation, partition: Number(partition), n: Number(n) };
  });
  return positions.sort((a, b) => a.partition - b.partition);
}
