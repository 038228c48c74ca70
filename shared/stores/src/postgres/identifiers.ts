/** PostgreSQL cuts longer names off, and then takes two for one. */
const identifierBytesMax = 63;

/** Quotes an identifier that comes from a definition. */
export function quoted(identifier: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(identifier)) throw new RangeError('not an identifier');
  if (identifier.length > identifierBytesMax) throw new RangeError('an identifier is too long');
  return `"${identifier}"`;
}
