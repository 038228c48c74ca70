import { createHash } from 'node:crypto';

/**
 * Identity of an embedding: SHA-256 (64 hex characters) over model, dimensions and text, each with its length in
 * front, so that no two different triples give the same bytes.
 */
export function embeddingId(model: string, dimensions: number, text: string): string {
  const hash = createHash('sha256');
  for (const part of [model, String(dimensions), text]) {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(bytes.length));
    hash.update(length).update(bytes);
  }
  return hash.digest('hex');
}
