/** Fingerprints: of a file, and of a ledger as verify makes it. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { FileDigest } from './record.ts';

/** SHA-256 of a file, read in pieces. */
export async function digestOf(file: string): Promise<FileDigest> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(createReadStream(file), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) {
      bytes += piece.length;
      hash.update(piece);
    }
  });
  return { bytes, sha256: hash.digest('hex') };
}

/** The ledger's root as verify prints it: lines by entity in the order of the contracts, then by id as bytes. */
export class LedgerRoot {
  readonly #hash: Hash = createHash('sha256');

  add(entity: string, id: string, version: number, present: boolean): void {
    this.#hash.update(`${JSON.stringify([entity, id, version, present])}\n`);
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}
