import { createHash } from 'node:crypto';

/** The same identity as in the stores package: SHA-256 over model, dimensions and text, each with its length in front. */
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
