/**
 * Whether a store has all that the bus says it has been given (rule 8), and what to do where it has not: reconcile.
 *
 * What is looked at, and what it tells:
 * - the label: a store without one is new or was wiped, or is emptied where it isn't; one that is `filling` was left in the middle of a reconcile;
 *   another one was filled by other projections or another embedder;
 * - the positions: none or of another incarnation, when the bus or the store was lost; behind what the bus says was
 *   acknowledged, when an older copy of the store was put in its place; more than one behind a delivery: a gap.
 *
 * An engine that can't guard by version may still carry out what its last owner sent, or what failed here, when nobody
 * waits for it any more: a newer state would be undone by an older one. So whoever takes such a store over, at its
 * start and after each failure, first waits until that has ended, and reconciles (rule 10).
 */
import type { Delivery } from '@mindora/bus';
import { entitiesOf, type RecordVersion } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { StorePosition, Target } from '@mindora/stores';
import { type SyncParts, stopping } from './parts.ts';
import { projectionLabel } from './projections/index.ts';
import { type Heads, headsOf, positionsAt, type Reconciled, reconcile } from './reconcile.ts';

export interface ContinuityHooks {
  /** {@link Target.positions}, shared by workers that ask at the same time. */
  positions(): Promise<StorePosition[]>;
  /** Reads what is parked, before anything is compared. */
  loadParked(): Promise<void>;
  isParked(line: RecordVersion): boolean;
  /** A reconcile ended. */
  onReconciled(result: Reconciled): void;
  /** Its records were made by an older projection and are being sent again; sets the label when they have arrived. */
  relabel(label: string): void;
  /** Whether a worker is applying a batch of a partition. */
  isApplying(partition: number): boolean;
}

const fillingPrefix = 'filling ';
/** Reconciles in a row for one delivery, after which something else is wrong. */
const triesMax = 3;

export class Continuity {
  readonly #parts: SyncParts;
  readonly #target: Target;
  readonly #stop: AbortSignal;
  readonly #hooks: ContinuityHooks;
  readonly #label: string;
  #trusted = false;
  #settling = false;
  #preparing: Promise<void> | null = null;
  #running: Promise<void> | null = null;
  /** What the last reconcile began with: it compared all that was published up to there. */
  #compared: Heads | null = null;
  /** Counts beginnings and ends of reconciles: who counts on positions looks whether it is still the same. */
  epoch = 0;
  /** Records compared by the reconcile that runs. */
  compared = 0;

  constructor(parts: SyncParts, target: Target, stop: AbortSignal, hooks: ContinuityHooks) {
    this.#parts = parts;
    this.#target = target;
    this.#stop = stop;
    this.#hooks = hooks;
    this.#label = projectionLabel(target.role, parts.embedder, parts.retention);
  }

  get reconciling(): boolean {
    return this.#running !== null;
  }

  /** Waits until no write of an earlier owner is carried out any more. */
  get settling(): boolean {
    return this.#settling;
  }

  get trusted(): boolean {
    return this.#trusted;
  }

  /** The store failed: what it holds afterwards is looked at before anything else is applied. */
  distrust(): void {
    this.#trusted = false;
  }

  /** Resolves when the store may be applied to. Calls at once share the work. */
  ready(): Promise<void> {
    if (this.#trusted) return Promise.resolve();
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = null;
    });
    return this.#preparing;
  }

  /** Looks at label and positions although nothing failed: a store may have been exchanged while it was idle. */
  async check(): Promise<void> {
    await this.ready();
    await this.#examine();
  }

  /**
   * The position to be stored with a delivery; null where the store is past it already, because a redelivery must not
   * take the position back. Reconciles first where something is missing before it.
   */
  async positionFor({ incarnation, partition, first, n }: Delivery): Promise<StorePosition | null> {
    for (let tries = 0; tries < triesMax; tries++) {
      const here = (await this.#hooks.positions()).find((position) => position.partition === partition);
      if (here?.incarnation === incarnation && n <= here.n) return null;
      if (here?.incarnation === incarnation && first <= here.n + 1) return { incarnation, partition, n };
      // Handed over before the log was lost or renewed: its states are as good as any, its number tells nothing.
      if ((await this.#parts.bus.incarnation()) !== incarnation) return null;
      await this.#reconcile(new Set([partition]));
    }
    throw new MindoraError('store_unavailable', `${this.#target.role} doesn't keep its positions`);
  }

  /**
   * Whether a reconcile saw to all that a delivery holds: the store has it, or it was touched and comes later. Only to be
   * asked where the store says itself that it is past the delivery: an older copy of it doesn't.
   */
  covers({ incarnation, partition, n }: Delivery): boolean {
    return this.#compared?.incarnation === incarnation && n <= (this.#compared.heads[partition] ?? 0);
  }

  /** Empties the store and fills it again from the primary. The caller keeps workers out. */
  async refill(): Promise<void> {
    this.#trusted = false;
    await this.#target.wipe();
    await this.ready();
  }

  async #prepare(): Promise<void> {
    await this.#hooks.loadParked();
    await this.#target.migrate();
    await this.#examine(await this.#lateWritesEnded());
    this.#trusted = true;
  }

  /**
   * Waits where the engine doesn't guard, and the store was used before. Counted from when it answered: what reached it
   * while it was hanging is carried out only now.
   *
   * @returns whether late writes may have changed something
   */
  async #lateWritesEnded(): Promise<boolean> {
    const { lateWritesMs } = this.#target.capabilities;
    if (lateWritesMs === undefined || (await this.#target.label()) === null) return false;
    this.#settling = true;
    try {
      await this.#parts.clock.sleep(lateWritesMs, this.#stop);
    } finally {
      this.#settling = false;
    }
    if (this.#stop.aborted) throw stopping();
    return true;
  }

  async #examine(isDoubtful = false): Promise<void> {
    const found = readLabel(await this.#target.label());
    if (found.kept === null ? !found.filling && (await this.#isUnknown()) : this.#needsWipe(found.kept)) {
      await this.#target.wipe();
      await this.#target.migrate();
    }
    const gaps = isDoubtful ? await this.#doubtful() : await this.#gaps();
    const label = readLabel(await this.#target.label());
    if (isDoubtful || label.filling || label.kept === null || gaps.size > 0) await this.#reconcile(gaps);
    const now = readLabel(await this.#target.label());
    if (now.kept !== null && !now.filling && now.kept !== this.#label) this.#hooks.relabel(this.#label);
  }

  /**
   * Without a label, but not new: it had to drop a part of its content by itself (vectors of another length), or lost
   * the label alone. By which projections the rest was made nobody knows, and comparing versions wouldn't tell.
   */
  async #isUnknown(): Promise<boolean> {
    return (await this.#target.positions()).length > 0;
  }

  /** What another embedder made can't be compared with what this one makes, and may not even have its length. */
  #needsWipe(kept: string): boolean {
    return embedderOf(kept) !== embedderOf(this.#label);
  }

  /**
   * Of a store in doubt no worker begins a batch before it was compared, so the positions may be set to where it is then:
   * of all partitions but those in which one is still at it, which began when nobody doubted.
   */
  async #doubtful(): Promise<Set<number>> {
    // It may have compared before the late writes ended.
    await this.#running?.catch(() => undefined);
    const partitions = [...Array(this.#parts.bus.partitions).keys()];
    return new Set(partitions.filter((partition) => !this.#hooks.isApplying(partition)));
  }

  /** Partitions for which the store hasn't what the bus says it was given. */
  async #gaps(): Promise<Set<number>> {
    const { bus } = this.#parts;
    const incarnation = await bus.incarnation();
    // What is acknowledged is read before the positions: the other way round, a batch in between looks like a loss.
    const lags = await bus.lag(this.#target.role);
    const positions = new Map((await this.#target.positions()).map((position) => [position.partition, position]));
    const missing = lags.filter(({ partition, acknowledged }) => {
      const here = positions.get(partition);
      return here?.incarnation !== incarnation || here.n < acknowledged;
    });
    return new Set(missing.map(({ partition }) => partition));
  }

  /** One at a time; who comes while one runs waits for it, and looks again. */
  async #reconcile(gaps: ReadonlySet<number>): Promise<void> {
    if (this.#running !== null) return this.#running;
    this.#running = this.#runReconcile(gaps).finally(() => {
      this.#running = null;
      this.epoch++;
    });
    return this.#running;
  }

  async #runReconcile(gaps: ReadonlySet<number>): Promise<void> {
    this.epoch++;
    this.compared = 0;
    const mark = await this.#beginFilling();
    const heads = await headsOf(this.#parts);
    const isParked = (line: RecordVersion): boolean => this.#hooks.isParked(line);
    const result = await reconcile(this.#parts, this.#target, this.#stop, isParked, (compared) => {
      this.compared = compared;
    });
    await this.#stillFilling(mark);
    await this.#setPositions(heads, gaps);
    await this.#stillFilling(mark);
    await this.#target.setLabel(mark.after);
    this.#compared = heads;
    this.#hooks.onReconciled(result);
  }

  /**
   * Labels the store as being filled, under a name of this reconcile's own. Were the store exchanged or wiped
   * meanwhile, the name would be gone at the end, and what was compared is worth nothing.
   */
  async #beginFilling(): Promise<{ label: string; after: string }> {
    const { kept } = readLabel(await this.#target.label());
    const after = kept ?? this.#label;
    const label = `${fillingPrefix}${this.#parts.random.id()} ${after}`;
    await this.#target.setLabel(label);
    return { label, after };
  }

  /**
   * Asked before the positions are set and after: an older copy that was put in place in between now has positions
   * that look right. So it is labelled as being filled, which makes the next look reconcile it, also after a crash.
   */
  async #stillFilling({ label, after }: { label: string; after: string }): Promise<void> {
    const now = await this.#target.label();
    if (now === label) return;
    await this.#target.setLabel(`${fillingPrefix}${this.#parts.random.id()} ${readLabel(now).kept ?? after}`);
    throw new MindoraError('store_unavailable', `${this.#target.role} was exchanged while it was compared`);
  }

  /**
   * Only partitions that have no usable position, or whose gap began this: no worker applies to these meanwhile (it
   * would wait for this reconcile), while those of the others advance theirs.
   */
  async #setPositions(heads: Heads, gaps: ReadonlySet<number>): Promise<void> {
    const positions = new Map((await this.#target.positions()).map((position) => [position.partition, position]));
    const usable = (partition: number): StorePosition | null => {
      const here = positions.get(partition);
      return here?.incarnation === heads.incarnation ? here : null;
    };
    const wanted = positionsAt(heads, (partition) => usable(partition) === null || gaps.has(partition));
    const raised = wanted.map((position) => {
      return { ...position, n: Math.max(position.n, usable(position.partition)?.n ?? 0) };
    });
    await this.#target.setPositions(raised);
  }
}

/** Marks all records of a store to be sent to it again at their present versions. */
export async function touchAllOf({ ledger }: Pick<SyncParts, 'ledger'>, target: Target): Promise<void> {
  for (const name of entitiesOf(target.role)) await ledger.touchAll(name, [target.role]);
}

/** `kept`: which projections filled it; null where that isn't known. */
function readLabel(label: string | null): { filling: boolean; kept: string | null } {
  if (label === null || !label.startsWith(fillingPrefix)) return { filling: false, kept: label };
  const rest = label.slice(fillingPrefix.length);
  const space = rest.indexOf(' ');
  return { filling: true, kept: space < 0 ? null : rest.slice(space + 1) };
}

/** The part of a label behind the projection's revision. */
function embedderOf(label: string): string {
  const space = label.indexOf(' ');
  return space < 0 ? '' : label.slice(space + 1);
}
