/**
 * Which partition a record's changes travel in. Everyone who publishes or reads must agree on it for as long as a log
 * lives, so it depends on nothing but the bytes of the key: FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/) over the
 * UTF-8 of entity, NUL and id, then the finalizer of MurmurHash3, because the low bits of FNV-1a alone are uneven for
 * keys that differ in few places.
 */
export function partitionOf(entity: string, id: string, partitions: number): number {
  return hashOf(`${entity}\0${id}`) % partitions;
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
