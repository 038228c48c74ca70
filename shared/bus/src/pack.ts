import { batchBytesMax, batchChangesMax, type Change } from '@mindora/contracts';
import { partitionOf } from './partition.ts';
import type { OutgoingBatch } from './port.ts';

export interface PackBounds {
  readonly bytesMax: number;
  readonly changesMax: number;
}

const defaultBounds: PackBounds = { bytesMax: batchBytesMax, changesMax: batchChangesMax };

/** A batch being filled; `bytes` is the length of its JSON array so far. */
interface OpenBatch {
  readonly changes: Change[];
  bytes: number;
}

/**
 * Splits changes into batches of at most `bytesMax` bytes of JSON and `changesMax` changes (rule 7), in their order
 * within each partition. A change that is too large even alone travels as its key.
 */
export function packBatches(
  changes: readonly Change[],
  partitions: number,
  bounds: PackBounds = defaultBounds,
): OutgoingBatch[] {
  const full: OutgoingBatch[] = [];
  const open = new Map<number, OpenBatch>();
  for (const change of changes) {
    const partition = partitionOf(change.entity, change.id, partitions);
    const fitting = fit(change, bounds.bytesMax);
    let batch = open.get(partition);
    // The comma before it counts too.
    if (batch !== undefined && !hasRoom(batch, fitting.bytes + 1, bounds)) {
      full.push({ partition, changes: batch.changes });
      batch = undefined;
    }
    if (batch === undefined) {
      open.set(partition, { changes: [fitting.change], bytes: fitting.bytes + 2 });
    } else {
      batch.changes.push(fitting.change);
      batch.bytes += fitting.bytes + 1;
    }
  }
  for (const [partition, batch] of open) full.push({ partition, changes: batch.changes });
  return full;
}

function hasRoom(batch: OpenBatch, bytes: number, bounds: PackBounds): boolean {
  return batch.changes.length < bounds.changesMax && batch.bytes + bytes <= bounds.bytesMax;
}

function fit(change: Change, bytesMax: number): { change: Change; bytes: number } {
  const bytes = jsonBytes(change);
  if (bytes + 2 <= bytesMax) return { change, bytes };
  const key: Change = { ...change, state: 'by_key', row: null };
  return { change: key, bytes: jsonBytes(key) };
}

function jsonBytes(change: Change): number {
  return Buffer.byteLength(JSON.stringify(change));
}
