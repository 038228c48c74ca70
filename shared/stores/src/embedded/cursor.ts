import type { Json } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';

/** Longest cursor that is looked at. */
const cursorCharactersMax = 4096;

/** An opaque place in an ordered answer. */
export function encodeCursor(place: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/**
 * The place that a cursor names: as many values as `types` says, of these types.
 *
 * @throws MindoraError `invalid_cursor`
 */
export function decodeCursor(cursor: string, types: readonly ('string' | 'number')[]): (string | number)[] {
  const place = cursor.length > cursorCharactersMax ? null : parse(Buffer.from(cursor, 'base64url').toString());
  const valid =
    Array.isArray(place) && place.length === types.length && place.every((value, i) => typeof value === types[i]);
  if (!valid) throw new MindoraError('invalid_cursor');
  return place as (string | number)[];
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new MindoraError('invalid_cursor', undefined, { cause: error });
  }
}
