/** The barrier of rule 14: something written later has been applied. */
import type { RecordKey } from '@mindora/contracts';
import { type CheckContext, isPending } from './context.ts';

/** Whose barrier is waited for, and how long. */
export type SettleContext = Pick<CheckContext, 'parts' | 'role' | 'patience'>;

/** A line of the ledger as it was seen; `mark` null: the ledger didn't know the record. */
export interface Seen extends RecordKey {
  readonly version: number;
  readonly mark: number | null;
}

/**
 * Waits until the store has applied what the ledger held of these records when they were seen, as far as they weren't
 * written again: each mark was cleared, which capture does after the bus confirmed (rule 6), and the store's workers
 * acknowledged all that the bus held after that, which they do after the store's commit (rule 9). It needs no help of
 * capture or workers, and thus catches them in the wrong.
 *
 * @returns false where patience ended before
 */
export async function settle(context: SettleContext, seen: readonly Seen[]): Promise<boolean> {
  const release = context.parts.hold?.(context.role);
  try {
    if (!((await captured(context, seen)) && (await acknowledged(context)))) return false;
    return await until(context, async () => !(await isRecovering(context)));
  } finally {
    release?.();
  }
}

/**
 * Whether what a store lacks, or has too much, will be mended by itself, although no mark may say so yet: it is being
 * filled or compared, or will be as soon as sync looks at its positions (rule 8), which tell it of another log (the bus
 * was lost, or a backup was restored) or that it lived in memory and has lost that.
 */
export async function isRecovering({ parts, role }: Pick<SettleContext, 'parts' | 'role'>): Promise<boolean> {
  if ((await parts.reconciling?.(role)) === true) return true;
  const target = parts.targets.get(role);
  if (target === undefined) return false;
  const { volatile } = target.capabilities;
  const incarnation = await parts.bus.incarnation();
  const lags = await parts.bus.lag(parts.consumer?.(role) ?? role);
  const positions = new Map((await target.positions()).map((position) => [position.partition, position]));
  return lags.some(({ partition, acknowledged: n }) => {
    const here = positions.get(partition);
    if (here !== undefined && here.incarnation !== incarnation) return true;
    return volatile && n > 0 && (here === undefined || here.n < n);
  });
}

const pauseFirstMs = 4;
const pauseMaxMs = 100;

async function until(context: SettleContext, reached: () => Promise<boolean>): Promise<boolean> {
  for (let pauseMs = pauseFirstMs; ; pauseMs = Math.min(pauseMs * 2, pauseMaxMs)) {
    if (await reached()) return true;
    if (context.patience.over) return false;
    await context.patience.pause(pauseMs);
  }
}

function captured(context: SettleContext, seen: readonly Seen[]): Promise<boolean> {
  const { parts, role } = context;
  let waiting = seen.filter(({ mark }) => mark !== null);
  return until(context, async () => {
    const lines = waiting.length === 0 ? [] : await parts.ledger.read(waiting);
    waiting = waiting.filter(({ mark }, index) => {
      const line = lines[index] ?? null;
      return line?.mark === mark && isPending(line, role);
    });
    return waiting.length === 0;
  });
}

async function acknowledged(context: SettleContext): Promise<boolean> {
  const { bus, consumer } = context.parts;
  const name = consumer?.(context.role) ?? context.role;
  const incarnation = await bus.incarnation();
  const heads = await bus.heads();
  let same = true;
  const reached = await until(context, async () => {
    const lag = await bus.lag(name);
    same = (await bus.incarnation()) === incarnation;
    return !same || lag.every(({ partition, acknowledged: n }) => n >= (heads[partition] ?? 0));
  });
  // Another log: what the old one held comes again by reconciling, which marks it.
  return reached && same;
}
