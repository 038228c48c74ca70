import type { Random } from '@mindora/runtime';

/**
 * What RabbitMQ can't count: kept as the only message of a queue, and written before the batches that it counts. So a
 * number is never given to two batches, also where the publisher dies in between: then the numbers between `before` and
 * `after` are in doubt, and are filled with empty batches by the next one.
 */
export interface LogState {
  /** Names the numbering; batches of another one belong to a log that is gone. */
  readonly log: string;
  readonly incarnation: string;
  /** Raised with each writing: where two are found, the higher one holds. */
  readonly serial: number;
  /** Heads before and after the batches that were being published. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** A log that begins. */
export function newState(partitions: number, random: Random, serial = 1): LogState {
  const zeros = Array.from({ length: partitions }, () => 0);
  return { log: random.id(), incarnation: random.id(), serial, before: zeros, after: zeros };
}

/** With batches of these partitions about to be published. */
export function advanced(state: LogState, partitions: readonly number[]): LogState {
  const after = [...state.after];
  for (const partition of partitions) after[partition] = (after[partition] ?? 0) + 1;
  return { ...state, serial: state.serial + 1, before: state.after, after };
}

/** With all that was published confirmed. */
export function settled(state: LogState): LogState {
  return { ...state, serial: state.serial + 1, before: state.after };
}

export function isSettled({ before, after }: LogState): boolean {
  return after.every((head, partition) => head === before[partition]);
}

/** The numbers of each partition of which nobody knows whether they were published. */
export function doubtful({ before, after }: LogState): { partition: number; n: number }[] {
  return after.flatMap((head, partition) => {
    const first = (before[partition] ?? 0) + 1;
    return Array.from({ length: Math.max(0, head - first + 1) }, (_, index) => ({ partition, n: first + index }));
  });
}

/** Whether a state is older than what was known: somebody put an older copy in place. */
export function wentBack(state: LogState, known: LogState | null): boolean {
  return known !== null && known.log === state.log && known.serial > state.serial;
}

/** Null where it is none. */
export function parseState(bytes: Buffer): LogState | null {
  try {
    const parsed = JSON.parse(bytes.toString()) as LogState;
    const isState =
      typeof parsed.log === 'string' &&
      typeof parsed.incarnation === 'string' &&
      Number.isInteger(parsed.serial) &&
      [parsed.before, parsed.after].every((heads) => Array.isArray(heads) && heads.every(Number.isInteger)) &&
      parsed.before.length === parsed.after.length;
    return isState ? parsed : null;
  } catch {
    // Not JSON, so not from here.
    return null;
  }
}
