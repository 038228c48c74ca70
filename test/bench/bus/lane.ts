/** What is measured of a bus, ours or a bare client: batches in, batches out. */
import { once } from 'node:events';
import type { Change } from '@mindora/contracts';

export const partitions = 4;
export const consumer = 'bench';

export interface Lane {
  /** The same content, once for each partition; resolves when all of them are confirmed. */
  publish(): Promise<void>;
  close(): Promise<void>;
}

/** Makes a lane for batches of a content; `arrived` is called for each batch that a consumer has. */
export type OpenLane = (content: Content, arrived: () => void) => Promise<Lane>;

export interface Content {
  readonly changes: readonly Change[];
  /** The same as JSON. */
  readonly bytes: Buffer;
}

/** A batch of about so many bytes of JSON, in changes of at most a kilobyte. */
export function contentOf(bytes: number): Content {
  const textLength = Math.min(bytes - emptyBytes, 1024 - emptyBytes);
  const count = Math.max(1, Math.round(bytes / (textLength + emptyBytes)));
  const changes = Array.from({ length: count }, (_, n) => changeOf(n, 'x'.repeat(textLength)));
  return { changes, bytes: Buffer.from(JSON.stringify(changes)) };
}

function changeOf(n: number, user_input: string): Change {
  return { entity: 'conversation', id: `c-${n}`, version: 1, state: 'present', row: { user_input }, stores: null };
}

const emptyBytes = JSON.stringify([changeOf(0, '')]).length;

/** Milliseconds until so many rounds of batches were published, and all of them came out again. */
export async function timeRounds(open: OpenLane, content: Content, rounds: number): Promise<number> {
  const target = rounds * partitions;
  const all = new EventTarget();
  let count = 0;
  const lane = await open(content, () => {
    if (++count === target) all.dispatchEvent(new Event('all'));
  });
  try {
    const done = once(all, 'all', { signal: AbortSignal.timeout(120_000) });
    const began = performance.now();
    for (let round = 0; round < rounds; round++) await lane.publish();
    await done;
    return performance.now() - began;
  } finally {
    await lane.close();
  }
}
