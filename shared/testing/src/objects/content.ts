import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { seeded } from '../seeded.ts';

const chunkBytes = 64 * 1024;

/** The same bytes for the same seed. */
export function bytesOf(seed: number, length: number): Buffer {
  const random = seeded(seed);
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  return bytes;
}

/** A long content that is never in memory whole. */
export async function* longContent(seed: number, length: number): AsyncGenerator<Buffer> {
  const block = bytesOf(seed, chunkBytes);
  for (let at = 0; at < length; at += chunkBytes) {
    const chunk = Buffer.from(block.subarray(0, Math.min(chunkBytes, length - at)));
    if (chunk.length >= 8) chunk.writeDoubleLE(at, 0);
    yield chunk;
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Hash and length of a content that comes in pieces. */
export async function digest(content: AsyncIterable<Uint8Array>): Promise<{ sha256: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { sha256: hash.digest('hex'), size };
}

export async function read(content: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of content) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
