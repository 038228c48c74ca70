/** Vectors in pgvector's binary form, which is a third of their text and needs no number to be printed and parsed. */

const headerBytes = 4;

/** One vector, given as little-endian float32, as a binary parameter. */
export function encodeVectorValue(littleEndian: Buffer): Buffer {
  const encoded = Buffer.alloc(headerBytes + littleEndian.length);
  encoded.writeInt16BE(littleEndian.length / 4, 0);
  Buffer.from(littleEndian).swap32().copy(encoded, headerBytes);
  return encoded;
}

/** An array of vectors as a binary parameter: PostgreSQL's own layout of a one-dimensional array. */
export function encodeVectors(vectors: readonly (Buffer | null)[], typeOid: number): Buffer {
  const header = Buffer.alloc(20);
  header.writeInt32BE(1, 0);
  header.writeInt32BE(vectors.includes(null) ? 1 : 0, 4);
  header.writeUInt32BE(typeOid, 8);
  header.writeInt32BE(vectors.length, 12);
  header.writeInt32BE(1, 16);
  return Buffer.concat([header, ...vectors.flatMap(encodeElement)]);
}

function encodeElement(vector: Buffer | null): Buffer[] {
  const length = Buffer.alloc(4);
  if (vector === null) {
    length.writeInt32BE(-1);
    return [length];
  }
  const value = encodeVectorValue(vector);
  length.writeInt32BE(value.length);
  return [length, value];
}
