import { compareKeys, type EntityName } from '@mindora/contracts';
import type { StoredRecord } from '../port.ts';
import type { Line } from './register.ts';
import type { Found } from './table.ts';

/** The two halves of a record: what sync noted and what is really there. */
export interface Stored {
  readonly id: string;
  readonly line: Line | null;
  /** The document, where it was read. */
  readonly found: Found | null;
  /** Where only ids were read: whether a document is there. Null where documents were read. */
  readonly present: boolean | null;
}

type Row = { readonly id: string } | Found;

/**
 * One page of the union of lines and documents, both in the order of ids. `lines` holds one more than `limit` where
 * there are more; the documents may end early (`end` false), then the page ends with them. `idsOnly`: their rows are ids without documents.
 */
export function mergePage(
  lines: readonly Line[],
  range: { readonly rows: readonly Row[]; readonly end: boolean },
  limit: number,
  idsOnly: boolean,
): { readonly stored: readonly Stored[]; readonly next: string | null } {
  const stored: Stored[] = [];
  let line = 0;
  let row = 0;
  while (stored.length < limit) {
    const left = lines[line];
    const right = range.rows[row];
    // Past the last document that was read, a line may have a document that was not: the page ends here.
    if (right === undefined && !range.end) break;
    if (left === undefined && right === undefined) return { stored, next: null };
    const order = left === undefined ? 1 : right === undefined ? -1 : compareKeys(left.id, right.id);
    stored.push(storedOf(order <= 0 ? left : undefined, order >= 0 ? right : undefined, idsOnly));
    if (order <= 0) line++;
    if (order >= 0) row++;
  }
  const ended = line >= lines.length && row >= range.rows.length && range.end;
  return { stored, next: ended ? null : (stored.at(-1)?.id ?? null) };
}

function storedOf(line: Line | undefined, row: Row | undefined, idsOnly: boolean): Stored {
  const id = line?.id ?? row?.id ?? '';
  const found = row !== undefined && 'document' in row ? row : null;
  return { id, line: line ?? null, found, present: idsOnly ? row !== undefined : null };
}

/**
 * What a line and a document together say of a record; null where queries see nothing and no tombstone stands.
 * Shared with stores that don't lie in one file.
 */
export function storedRecord(entity: EntityName, stored: Stored, now: number): StoredRecord | null {
  const { id, line, found, present } = stored;
  if (line === null && found === null && present !== true) return null;
  if (line?.expiresAt != null && line.expiresAt <= now) return null;
  const expiresAt = expiryOf(line, found);
  const facts = { entity, id, version: line?.version ?? null, expiresAt };
  const document = line !== null && expiresAt !== null && expiresAt <= now ? null : (found?.document ?? null);
  const deleted = line?.deleted === true && document === null && present !== true;
  const fault = found?.fault ?? contradiction(stored);
  return { ...facts, deleted, document, ...(fault === undefined ? {} : { fault }) };
}

/** What queries go by, where the row has a time of its own: what the line says is only when sync would remove it. */
function expiryOf(line: Line | null, found: Found | null): number | null {
  if (line === null) return null;
  return found?.expiresAt === undefined ? line.expiresAt : found.expiresAt;
}

/**
 * What the line says of the document and isn't so. That a document is gone shows by itself where documents were read;
 * scans of versions carry none, so there only this tells.
 */
function contradiction({ line, found, present }: Stored): string | undefined {
  if (line === null) return undefined;
  if (line.deleted && (found !== null || present === true)) return 'a document stands where a tombstone should';
  if (!line.deleted && present === false) return 'the document is gone';
  const expiry = found?.expiresAt;
  return expiry === undefined || expiry === line.expiresAt ? undefined : 'it is noted to expire at another time';
}
