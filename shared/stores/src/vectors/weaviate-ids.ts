import { createHash } from 'node:crypto';

/** Of this project; any other would do as well, but it must never change. */
const namespace = Buffer.from('6d696e646f72614d8b1f5a0c1e77a9d2', 'hex');

/** The UUID (version 5) under which a record's object is kept. */
export function uuidOf(...names: readonly string[]): string {
  const hash = createHash('sha1').update(namespace).update(names.join('\0')).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

const strayPrefix = '#object-';
const strayId = /^#object-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** The id under which an object is told whose UUID isn't that of the record it claims to be. */
export function strayIdOf(uuid: string): string {
  return strayPrefix + uuid;
}

/** The inverse of {@link strayIdOf}; null for ids of records. */
export function strayUuid(id: string): string | null {
  return strayId.exec(id)?.[1] ?? null;
}
