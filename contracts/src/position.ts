/**
 * Positions (rule 13): what a write returns, so that a later read on any store can wait for it. Opaque to clients.
 */
import type { RecordVersion } from './changes.ts';
import { type EntityName, entityNames, isEntityName } from './entities.ts';

/** Most records that a token lists; a larger write is a barrier: all that was written before the read asks. */
export const positionRecordsMax = 32;

/** Longest id of a record. */
const idLengthMax = 200;

export type Position =
  | { readonly kind: 'records'; readonly records: readonly RecordVersion[] }
  | { readonly kind: 'barrier' };

const prefix = 'v1.';

export function encodePosition(records: readonly RecordVersion[]): string {
  const listed = records.map(({ entity, id, version }) => [entityNames.indexOf(entity), id, version]);
  const body = records.length <= positionRecordsMax ? listed : 'barrier';
  return prefix + Buffer.from(JSON.stringify(body)).toString('base64url');
}

/** Null where the text is no position. */
export function decodePosition(token: string): Position | null {
  if (!token.startsWith(prefix) || token.length > 16_384) return null;
  try {
    const body: unknown = JSON.parse(Buffer.from(token.slice(prefix.length), 'base64url').toString());
    if (body === 'barrier') return { kind: 'barrier' };
    if (!Array.isArray(body) || body.length > positionRecordsMax) return null;
    const records = body.map(recordOf);
    return records.every((record) => record !== null) ? { kind: 'records', records } : null;
  } catch {
    // Whatever isn't JSON isn't a token of ours.
    return null;
  }
}

function recordOf(item: unknown): RecordVersion | null {
  if (!Array.isArray(item)) return null;
  const [index, id, version] = item as [unknown, unknown, unknown];
  const entity: EntityName | undefined = typeof index === 'number' ? entityNames[index] : undefined;
  if (entity === undefined || !isEntityName(entity)) return null;
  if (typeof id !== 'string' || id === '' || id.length > idLengthMax) return null;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) return null;
  return { entity, id, version };
}
