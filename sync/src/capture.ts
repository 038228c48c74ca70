/**
 * Capture (rule 6): carries what is pending in the ledger to the bus.
 *
 * One pass reads a snapshot of pending keys with their rows, publishes it, and clears the marks that are still the ones
 * read. The next pass is not begun before the marks are cleared: the ledger offers no place to go on from, so a read
 * that overlaps would bring the same records again, and the work saved would be done twice. What may overlap does: the
 * bus wakes its consumers while marks are being cleared.
 *
 * Why nothing is lost or inverted:
 * - dying before `publish` is confirmed: the marks stand, the records are read again;
 * - dying between `publish` and `clear`: they are published a second time, and stores take an equal version again;
 * - a change between the read and the clear: the mark differs, is not cleared, and the next pass carries the new state;
 * - an older copy of the bus was put in place: marks of what it lacks were cleared. With the marks the primary noted how
 *   far the bus had got, so whoever takes the lease sees that it is behind, and gives it another incarnation;
 * - two captures at once (a lease that ran out while its holder was suspended): an older state may be published after a
 *   newer one; stores refuse the older by its version (rule 10).
 */
import { type EventBus, packBatches } from '@mindora/bus';
import { batchBytesMax, batchChangesMax, type Change } from '@mindora/contracts';
import { backoffMs, type Clock, type Logger, MindoraError, type Random } from '@mindora/runtime';
import type { LedgerRecord, PrimaryLedger } from '@mindora/stores';
import { Bell } from './bell.ts';
import { facts, stopping } from './parts.ts';

export interface CaptureParts {
  readonly ledger: PrimaryLedger;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /**
   * Least time between the beginnings of two passes that carry something (default 0). Each pass costs every store some
   * calls however little it carries: where these go to servers, a steady load is better carried in larger batches. A
   * change that comes alone doesn't wait.
   */
  readonly gatherMs?: number;
}

export interface CaptureStatus {
  readonly state: 'standby' | 'active' | 'failing' | 'stopped';
  readonly passes: number;
  readonly records: number;
  readonly lastError: string | null;
}

/** How long a lease stands without renewal; so long does capture rest after its holder was killed. */
const leaseMs = 3000;
const renewMs = 1000;
/** How often to look without being woken. */
const pollMs = 250;
/** Of one pass: a few batches for each partition, so that memory is bounded and publishing is worth its commit. */
const passRecordsMax = 2 * batchChangesMax;
const passBytesMax = 4 * batchBytesMax;

export class Capture {
  readonly #parts: CaptureParts;
  readonly #holder: string;
  readonly #work = new Bell();
  readonly #passed = new Bell();
  readonly #stop = new AbortController();
  #state: CaptureStatus['state'] = 'standby';
  #passes = 0;
  #records = 0;
  #lastError: string | null = null;
  #renewedAt = Number.NEGATIVE_INFINITY;
  /** When the last pass that carried something began. */
  #carriedAt = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | null = null;
  #unlisten: () => void = () => undefined;

  constructor(parts: CaptureParts) {
    this.#parts = parts;
    this.#holder = parts.random.id();
  }

  start(): void {
    this.#unlisten = this.#parts.ledger.onPending(() => this.#work.ring());
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#unlisten();
    this.#work.ring();
    this.#passed.ring();
    await this.#running;
    this.#state = 'stopped';
  }

  status(): CaptureStatus {
    return { state: this.#state, passes: this.#passes, records: this.#records, lastError: this.#lastError };
  }

  /**
   * Resolves when all that was marked before the call has been published, by whichever capture has the lease.
   *
   * Marks are cleared only after the bus confirmed, and `pending` gives the longest pending first: once the first is
   * younger than the call, or none is left, everything older is on the bus.
   *
   * @throws MindoraError `position_timeout` at the deadline, `shutting_down`
   */
  async drained(deadline: number): Promise<void> {
    const { ledger, clock } = this.#parts;
    // Marks are told by the database's clock, which may be a server's; the deadline by this machine's.
    const since = await ledger.now();
    for (;;) {
      if (this.#stop.signal.aborted) throw stopping();
      const seen = this.#passed.rings;
      const [first] = await ledger.pending(1, 1);
      if (first === undefined || (first.pendingSince ?? 0) > since) return;
      if (clock.now() >= deadline) throw new MindoraError('position_timeout', 'what was written is not yet on the bus');
      this.#work.ring();
      await this.#passed.wait(clock, Math.min(pollMs, Math.max(1, deadline - clock.now())), seen);
    }
  }

  async #run(): Promise<void> {
    for (let attempt = 0; !this.#stop.signal.aborted; ) {
      const seen = this.#work.rings;
      try {
        await this.#gather();
        const more = (await this.#leased()) && (await this.#pass());
        attempt = 0;
        if (!more) await this.#work.wait(this.#parts.clock, pollMs, seen);
      } catch (thrown) {
        await this.#failed(thrown, attempt++);
      }
    }
    await this.#release();
  }

  async #gather(): Promise<void> {
    const { clock, gatherMs = 0 } = this.#parts;
    const leftMs = this.#carriedAt + gatherMs - clock.now();
    if (leftMs > 0) await clock.sleep(Math.min(leftMs, gatherMs), this.#stop.signal);
  }

  /** Whether this capture is the active one; asks only when the lease is due. */
  async #leased(): Promise<boolean> {
    const { ledger, clock } = this.#parts;
    const now = clock.now();
    if (now - this.#renewedAt < renewMs) return true;
    const held = await ledger.lease(this.#holder, leaseMs);
    if (held && this.#state !== 'active') await this.#disownOlderBus();
    this.#renewedAt = held ? now : Number.NEGATIVE_INFINITY;
    this.#state = held ? 'active' : 'standby';
    return held;
  }

  /** What the primary noted is read first: the bus can only have got further since. */
  async #disownOlderBus(): Promise<void> {
    const { ledger, bus, log } = this.#parts;
    const noted = await ledger.published();
    if (noted === null || noted.incarnation !== (await bus.incarnation())) return;
    const heads = await bus.heads();
    if (noted.heads.every((head, partition) => head <= (heads[partition] ?? 0))) return;
    log.error({ noted: noted.heads, heads }, 'the bus is an older copy of itself; every store is compared');
    await bus.renew();
  }

  /** Carries one snapshot; whether there was anything that it could finish with. */
  async #pass(): Promise<boolean> {
    const { ledger, bus, clock } = this.#parts;
    const beganAt = clock.now();
    const records = await ledger.pending(passRecordsMax, passBytesMax);
    this.#state = 'active';
    this.#lastError = null;
    let held = 0;
    if (records.length > 0) {
      // A full pass leaves more behind, which need not wait.
      if (records.length < passRecordsMax) this.#carriedAt = beganAt;
      await bus.publish(packBatches(records.map(changeOf), bus.partitions));
      const published = { incarnation: await bus.incarnation(), heads: await bus.heads() };
      // What an open transaction holds stays pending, and is published again until that ends: at the pace of a poll.
      held = await ledger.clear(
        records.map(({ entity, id, mark }) => ({ entity, id, mark })),
        published,
      );
    }
    this.#passes++;
    this.#records += records.length;
    this.#passed.ring();
    return records.length > held;
  }

  async #failed(thrown: unknown, attempt: number): Promise<void> {
    const { clock, random, log } = this.#parts;
    this.#state = 'failing';
    this.#lastError = facts(thrown).code;
    // The lease is asked for anew: the failure may have outlasted it.
    this.#renewedAt = Number.NEGATIVE_INFINITY;
    const pauseMs = backoffMs(attempt, random, 50, 5000);
    if (!this.#stop.signal.aborted) log.warn({ ...facts(thrown), attempt, pauseMs }, 'capture failed, again later');
    await clock.sleep(pauseMs, this.#stop.signal);
  }

  async #release(): Promise<void> {
    const { ledger, log } = this.#parts;
    try {
      await ledger.releaseLease(this.#holder);
    } catch (thrown) {
      log.warn(facts(thrown), 'the lease of capture was not given back; it runs out by itself');
    }
  }
}

function changeOf({ entity, id, version, row, present, stores }: LedgerRecord): Change {
  return present ? { entity, id, version, state: 'present', row, stores } : tombstone({ entity, id, version, stores });
}

function tombstone(record: Pick<Change, 'entity' | 'id' | 'version' | 'stores'>): Change {
  return { ...record, state: 'deleted', row: null };
}
