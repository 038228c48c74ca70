/**
 * One store's side of sync: a worker for each partition, each with one batch in flight (rule 9).
 *
 * Why every interleaving leaves the newest state:
 * - redelivery: applying is guarded by version, and a position that the store is past is not written again;
 * - a reconcile while batches flow: it only touches, so what it finds comes as a later batch; see `reconcile.ts` for
 *   the position it leaves, and why batches before it are not needed: those that still come are left out. One that was
 *   tried before, and may be at fault, is tried again with the states of now: its own may be older than one left out;
 * - a touch at the same version: stores take an equal version again, and it carries the same state or the record's
 *   version would be higher;
 * - a tombstone and a late insert: all states of a record travel in one partition, so late ones come by redelivery or
 *   from a second capture, with a lower version than the tombstone's, which stands as long as the bus could redeliver;
 * - acknowledged but not parked: parking is in the primary before the handler returns. A crash after the store's commit
 *   and before parking brings the batch again, its record is refused again, and parked.
 */
import type { Delivery, Subscription } from '@mindora/bus';
import type { RecordVersion, Role } from '@mindora/contracts';
import { MindoraError, toMindoraError } from '@mindora/runtime';
import type { Target } from '@mindora/stores';
import { type Applied, type ApplyParts, applyChanges, asKey, changesFor } from './apply.ts';
import { Bell } from './bell.ts';
import { Breaker } from './breaker.ts';
import type { Capture } from './capture.ts';
import { Continuity, touchAllOf } from './continuity.ts';
import type { Embeddings } from './embeddings.ts';
import { Gate } from './gate.ts';
import {
  applyOneByOne,
  deliveriesMax,
  failedApplying,
  failuresMax,
  isCondemned,
  type Suspicion,
  worksAgain,
} from './isolate.ts';
import { Parking, type Refusal } from './parking.ts';
import { facts, type SyncParts, stopping } from './parts.ts';
import { Progress } from './progress.ts';
import { Schedule } from './schedule.ts';
import type { StoreTotals } from './status.ts';
import { Together } from './together.ts';
import { Waits } from './waits.ts';

const failureLogEveryMs = 10_000;
/**
 * A store that is behind is given so many batches as one: each costs it some requests, whatever it holds. Weaviate fell
 * behind for good without it, after a minute away at 100 writes/s (docs/outages.md).
 */
const batchesMax = 16;
/** So many times rarer than an idle store a busy one is looked at as a whole. */
const busyLooksRarer = 10;
/** More refusals than these in one batch are a fault of the store. */
const refusalsMax = 5;
const refusalsShareMax = 0.2;

export interface StoreHooks {
  onApplied(role: Role, held: readonly RecordVersion[]): void;
}

export class StoreSync {
  readonly role: Role;
  readonly target: Target;
  readonly breaker: Breaker;
  readonly gate: Gate;
  readonly parking: Parking;
  readonly continuity: Continuity;
  readonly waits: Waits;
  readonly schedule: Schedule;
  readonly totals: StoreTotals = { batches: 0, records: 0, refused: 0, reconciles: 0 };
  /** Batches being applied. */
  active = 0;
  lastError: { readonly code: string; readonly detail: string } | null = null;
  readonly #parts: SyncParts;
  readonly #applyParts: ApplyParts;
  /** For records that are applied one by one: what comes with others can't be told apart. */
  readonly #aloneParts: ApplyParts;
  readonly #hooks: StoreHooks;
  readonly #stop = new AbortController();
  readonly #progress: Progress;
  readonly #watchBell = new Bell();
  /** When the last batch was handled. */
  #appliedAt = Number.NEGATIVE_INFINITY;
  /** Partitions of which a batch is being applied. */
  readonly #applying = new Set<number>();
  #failureLoggedAt = Number.NEGATIVE_INFINITY;
  #subscriptions: Subscription[] = [];
  #watching: Promise<void> = Promise.resolve();
  #relabelling: Promise<void> | null = null;
  #pausedByOperator = false;
  #acceptRefusals = false;

  constructor(parts: SyncParts, target: Target, capture: Capture, embeddings: Embeddings, hooks: StoreHooks) {
    this.role = target.role;
    this.target = target;
    this.#parts = parts;
    this.#hooks = hooks;
    const together = new Together(target);
    this.#applyParts = { sync: parts, role: target.role, target: together, embeddings };
    this.#aloneParts = { ...this.#applyParts, target };
    this.breaker = new Breaker(parts.clock, parts.random);
    this.gate = new Gate(parts.clock);
    this.parking = new Parking(target.role, parts.ledger, parts.log);
    const { ledger, clock, retention } = parts;
    this.waits = new Waits({ role: target.role, target, ledger, parking: this.parking, clock, retention });
    this.continuity = new Continuity(parts, target, this.#stop.signal, {
      positions: () => together.positions(),
      loadParked: () => this.parking.load(),
      isParked: (line) => (this.parking.standing(line)?.version ?? 0) >= line.version,
      onReconciled: (result) => this.#reconciled(result),
      relabel: (label) => this.#relabel(label),
      isApplying: (partition) => this.#applying.has(partition),
    });
    const { bus } = parts;
    const { continuity } = this;
    this.#progress = new Progress({ role: target.role, bus, clock, stop: this.#stop.signal, capture, continuity });
    this.schedule = new Schedule({
      clock,
      everyMs: parts.scheduledEveryMs(target.role),
      open: () => this.#subscribe(),
      close: () => this.#unsubscribe(),
      caughtUp: () => this.caughtUp(Number.POSITIVE_INFINITY),
    });
  }

  start(): void {
    this.#watching = this.#watch();
    this.schedule.start();
  }

  #subscribe(): void {
    const { bus } = this.#parts;
    this.#subscriptions = Array.from({ length: bus.partitions }, (_, partition) => {
      return bus.consume(this.role, partition, (delivery) => this.#handle(delivery), { batchesMax });
    });
  }

  async #unsubscribe(): Promise<void> {
    await Promise.all(this.#subscriptions.map((subscription) => subscription.stop()));
    this.#subscriptions = [];
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.waits.stop();
    this.breaker.wake();
    this.gate.wake();
    this.#progress.ring();
    this.#watchBell.ring();
    await this.schedule.stop();
    await Promise.all([this.#watching, this.#relabelling]);
  }

  /** Workers rest after the batch they are at, until {@link resume}. */
  async pause(): Promise<void> {
    if (this.#pausedByOperator) return;
    this.#pausedByOperator = true;
    await this.gate.close();
  }

  resume(): void {
    if (!this.#pausedByOperator) return;
    this.#pausedByOperator = false;
    this.gate.open();
  }

  /** Records of an older projection, or kept for another time, are being sent again. */
  get relabelling(): boolean {
    return this.#relabelling !== null;
  }

  get paused(): boolean {
    return this.#pausedByOperator;
  }

  /** The next batch with many refusals is parked, not held to be a fault of the store: an operator looked at it. */
  acceptRefusals(): void {
    this.#acceptRefusals = true;
    this.breaker.wake();
  }

  /** Wipes the store and fills it again; resolves when all that it should hold was sent to it. */
  async rebuild(): Promise<void> {
    await this.gate.close();
    try {
      await this.continuity.refill();
    } finally {
      this.gate.open();
    }
  }

  /** {@link Progress.caughtUp}, with the workers running meanwhile. */
  async caughtUp(deadline: number): Promise<void> {
    const release = this.schedule.hold();
    try {
      await this.#progress.caughtUp(deadline);
    } finally {
      release();
    }
  }

  /** As {@link caughtUp}, and until queries see it all. */
  async shows(deadline: number): Promise<void> {
    await this.caughtUp(deadline);
    if (this.target.capabilities.seenLater) await this.target.refresh();
  }

  /** {@link Waits.holds}, with the workers running meanwhile. */
  async holds(records: readonly RecordVersion[], deadline: number): Promise<void> {
    const release = this.schedule.hold();
    try {
      await this.waits.holds(records, deadline);
    } finally {
      release();
    }
  }

  /** Applies one batch; in place, again and again, until it is applied or sync stops. */
  async #handle(delivery: Delivery): Promise<void> {
    const suspicion: Suspicion = { tried: false, failures: 0, strikes: new Map() };
    this.active++;
    try {
      while (!(await this.#try(() => this.#apply(delivery, suspicion), suspicion))) {
        if (this.#stop.signal.aborted) throw stopping();
      }
    } finally {
      this.active--;
    }
    const { partition, incarnation, first, n } = delivery;
    this.#appliedAt = this.#parts.clock.now();
    this.totals.batches += n - first + 1;
    this.#progress.handled(partition, incarnation, n);
  }

  /** One step behind breaker and gate. False: it failed, the breaker knows, and it is to be tried again. */
  async #try(step: () => Promise<void>, suspicion: Suspicion | null = null): Promise<boolean> {
    const stop = this.#stop.signal;
    await this.breaker.admit(stop);
    try {
      await this.gate.pass(stop, step);
      const { failures } = this.breaker;
      if (failures > 0) this.#parts.log.info({ store: this.role, failures }, 'store works again');
      this.breaker.succeeded();
      this.lastError = null;
      this.#progress.ring();
      return true;
    } catch (thrown) {
      if (stop.aborted) this.breaker.abandoned();
      else await this.#failed(thrown, suspicion);
      return false;
    }
  }

  async #failed(thrown: unknown, suspicion: Suspicion | null): Promise<void> {
    this.breaker.failed();
    this.lastError = facts(thrown);
    const { code } = toMindoraError(thrown);
    // The embedder's failure says nothing about what the store holds.
    if (code !== 'embedder_unavailable') this.continuity.distrust();
    this.#logFailure(thrown);
    if (suspicion !== null && failedApplying(thrown) && (await worksAgain(this.#aloneParts))) suspicion.failures++;
  }

  /** The first of a row of failures, and then one every so often: status tells the rest. */
  #logFailure(thrown: unknown): void {
    const now = this.#parts.clock.now();
    const { failures } = this.breaker;
    if (failures > 1 && now - this.#failureLoggedAt < failureLogEveryMs) return;
    this.#failureLoggedAt = now;
    this.#parts.log.warn({ store: this.role, ...facts(thrown), failures }, 'store failed');
  }

  async #apply(delivery: Delivery, suspicion: Suspicion): Promise<void> {
    await this.continuity.ready();
    const { partition } = delivery;
    this.#applying.add(partition);
    try {
      await this.#applyReady(delivery, suspicion);
    } finally {
      this.#applying.delete(partition);
    }
  }

  async #applyReady(delivery: Delivery, suspicion: Suspicion): Promise<void> {
    const position = await this.continuity.positionFor(delivery);
    const isNeedless = position === null && this.continuity.covers(delivery);
    const wasTried = suspicion.tried || delivery.deliveries > 1;
    if (isNeedless && !wasTried) return;
    suspicion.tried = true;
    const given = changesFor(this.role, delivery.changes).filter((change) => !isCondemned(this.parking, change));
    // A newer state of these records may be in a batch that is left out.
    const changes = isNeedless ? given.map(asKey) : given;
    const killsProcess = delivery.deliveries > deliveriesMax;
    const oneByOne = killsProcess || suspicion.failures >= failuresMax;
    const usual = oneByOne ? this.#aloneParts : this.#applyParts;
    const parts = isNeedless ? mending(usual) : usual;
    const applied = oneByOne
      ? await applyOneByOne(parts, this.parking, changes, suspicion, killsProcess)
      : await applyChanges(parts, changes, position);
    await this.#settle(applied);
    if (oneByOne && position !== null) await this.target.apply({ items: [], positions: [position] });
  }

  /** Parks what was refused and releases what was taken, before the batch is acknowledged. */
  async #settle({ items, held, refused }: Applied): Promise<void> {
    this.#refuseMany(refused, items);
    await this.parking.park(refused);
    await this.parking.unpark(held);
    this.totals.records += held.length;
    this.totals.refused += refused.length;
    if (refused.length > 0) this.waits.parked(refused);
    this.waits.applied(held);
    this.#hooks.onApplied(this.role, held);
  }

  #refuseMany(refused: readonly Refusal[], items: number): void {
    if (refused.length <= refusalsMax || refused.length <= items * refusalsShareMax) return;
    if (this.#acceptRefusals) {
      this.#acceptRefusals = false;
      return;
    }
    const first = refused[0]?.reason ?? '';
    throw new MindoraError('store_unavailable', `refuses ${refused.length} of ${items} records, e.g.: ${first}`);
  }

  /**
   * Makes the store ready although nothing is delivered, and looks at it while it is idle. One that is given batches is
   * looked at with each of them, so that the whole look, which costs as much as several batches, may come more rarely.
   * Not so where the engine can't guard: there the look also tells whether it was started again, and lost something.
   */
  async #watch(): Promise<void> {
    const { clock, watchMs } = this.#parts;
    const guards = this.target.capabilities.lateWritesMs === undefined;
    let lookedAt = Number.NEGATIVE_INFINITY;
    while (!this.#stop.signal.aborted) {
      const seen = this.#watchBell.rings;
      const isBusy = guards && this.continuity.trusted && clock.now() - this.#appliedAt < watchMs;
      const isDue = !isBusy || clock.now() - lookedAt >= busyLooksRarer * watchMs;
      const done = !isDue || (await this.#try(() => this.continuity.check()));
      if (done && isDue) lookedAt = clock.now();
      if (done) await this.#watchBell.wait(clock, watchMs, seen);
    }
  }

  #reconciled(result: { readonly compared: number; readonly touched: number }): void {
    this.totals.reconciles++;
    this.#parts.log.info({ store: this.role, ...result }, 'store reconciled');
    this.#progress.ring();
  }

  /**
   * Sends all records again, and writes the label once they have arrived: were it written before, and the bus lost
   * with them on it, nothing would tell that the store still has the documents of the older projection.
   */
  #relabel(label: string): void {
    if (this.#relabelling !== null) return;
    this.#relabelling = this.#resend(label).finally(() => {
      this.#relabelling = null;
    });
  }

  async #resend(label: string): Promise<void> {
    const { clock, log, watchMs } = this.#parts;
    while (!this.#stop.signal.aborted) {
      try {
        const epoch = this.continuity.epoch;
        await touchAllOf(this.#parts, this.target);
        await this.caughtUp(Number.POSITIVE_INFINITY);
        // A reconcile between compared versions only, so what was lost with the bus was not sent once more.
        if (this.continuity.epoch === epoch) return await this.target.setLabel(label);
      } catch (thrown) {
        if (this.#stop.signal.aborted) return;
        log.warn({ store: this.role, ...facts(thrown) }, 'records of an older projection are not all sent yet');
        await clock.sleep(watchMs, this.#stop.signal);
      }
    }
  }
}

/** For records that may have been written by half, and that a comparison finds at their version all the same. */
function mending(parts: ApplyParts): ApplyParts {
  const { target } = parts;
  const apply: Target['apply'] = (batch) => target.apply({ ...batch, mend: true });
  return { ...parts, target: { apply, health: () => target.health() } };
}
