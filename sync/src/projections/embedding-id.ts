import { createHash } from 'node:crypto';

/** Names an embedding: texts, models and dimensions that are equal share one. SHA-256 in hex. */
export function embeddingId(model: string, dimensions: number, text: string): string {
  return createHash('sha256').update(`${model}\n${dimensions}\n${text}`).digest('hex');
}
