import { batchBytesMax, type Change } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { OutgoingBatch } from '../port.ts';

/** Servers take messages of 1 MB with their headers; batches are half as large at most (rule 7). */
const payloadBytesMax = batchBytesMax * 2 - 16_384;

/** A batch as bytes. */
export interface Payload {
  readonly partition: number;
  readonly bytes: Buffer;
}

/** All batches of a publish call as bytes. @throws MindoraError `invalid_request` before any of them was sent */
export function payloadsOf(batches: readonly OutgoingBatch[], partitions: number): Payload[] {
  return batches.map(({ partition, changes }) => {
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) {
      throw new MindoraError('invalid_request', `the bus has no partition ${partition}`);
    }
    const bytes = Buffer.from(JSON.stringify(changes));
    if (bytes.length <= payloadBytesMax) return { partition, bytes };
    throw new MindoraError('invalid_request', `a batch of ${bytes.length} bytes is too large`);
  });
}

/** On the way at once: enough to keep a server busy, little enough for its buffers. */
const bytesAtOnceMax = 4 * 1024 * 1024;
const batchesAtOnceMax = 256;

/** What may be on its way at once, from an index on; at least one. */
export function windowOf<P extends Payload>(payloads: readonly P[], from: number): readonly P[] {
  let bytes = 0;
  let to = from;
  for (; to < payloads.length && to - from < batchesAtOnceMax; to++) {
    bytes += payloads[to]?.bytes.length ?? 0;
    if (to > from && bytes > bytesAtOnceMax) break;
  }
  return payloads.slice(from, to);
}

/** Parsed batches that are kept, each of at most 512 KB of JSON. */
const recentMax = 32;

/** Consumers follow each other closely, so what one has parsed the next ones find here. */
export class RecentBatches {
  readonly #recent = new Map<string, readonly Change[]>();

  /** The changes of a message; null where it is none of ours. `key` tells it from every other one. */
  changesOf(key: string, bytes: Uint8Array): readonly Change[] | null {
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const changes = parse(bytes);
    if (changes === null) return null;
    this.#recent.set(key, changes);
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > recentMax && oldest !== undefined) this.#recent.delete(oldest);
    return changes;
  }
}

function parse(bytes: Uint8Array): readonly Change[] | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
    return Array.isArray(parsed) ? (parsed as Change[]) : null;
  } catch {
    // Not JSON, so not from here: the caller decides what that means.
    return null;
  }
}
