/** Sync as a whole: capture, one {@link StoreSync} for each store, and what operators and services ask of them. */
import type { EventBus } from '@mindora/bus';
import {
  type EntityName,
  isScheduled,
  type MetricFamily,
  type RecordVersion,
  type RetentionPolicy,
  type Role,
} from '@mindora/contracts';
import { type Clock, type Logger, MindoraError, type Random } from '@mindora/runtime';
import type { GraphStore, ParkedRecord, PrimaryLedger, Target, Touch, VectorStore } from '@mindora/stores';
import { Capture } from './capture.ts';
import { Embeddings } from './embeddings.ts';
import { diedReason } from './parking.ts';
import { chunksOf, type SyncParts } from './parts.ts';
import { lexicalScoreMin, Relate } from './relate.ts';
import { busStatus, lagOf, metricsOf, primaryStatus, type SyncStatus, statusOf } from './status.ts';
import { StoreSync } from './store.ts';
import { adopt, purge } from './upkeep.ts';
import { readPosition } from './waits.ts';

export interface SyncOptions {
  /** Only its ledger is used. */
  readonly primary: { readonly ledger: PrimaryLedger };
  /** Its consumers are the roles of the targets. */
  readonly bus: EventBus;
  readonly targets: ReadonlyMap<Role, Target>;
  readonly embedder: SyncParts['embedder'];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly retention: RetentionPolicy;
  /** Least similarity of related conversations, which depends on the embedder; null derives none. */
  readonly relateScoreMin?: number | null;
  /** How often a store is looked at for having been exchanged or emptied (default 2 s). */
  readonly watchEveryMs?: number;
  /** How often tombstones and expired documents are purged (default 10 min). */
  readonly purgeEveryMs?: number;
  /** How often rows that triggers missed are looked for (default 24 h). */
  readonly adoptEveryMs?: number;
  /** How often the special databases are filled (A4.4; default hourly); 0: at once, like every other store. */
  readonly specialEveryMs?: number;
  /** See {@link CaptureParts.gatherMs}. */
  readonly gatherMs?: number;
}

export interface ParkedFilter {
  readonly store: Role | null;
  readonly entity: EntityName | null;
  /** Only these; null: all. */
  readonly ids?: readonly string[] | null;
}

/** Called with what a store now holds. */
export type AppliedListener = (role: Role, held: readonly RecordVersion[]) => void;

const touchesAtOnce = 1000;
const parkedMax = 10_000;
const watchEveryMsDefault = 2000;
const purgeEveryMsDefault = 600_000;
const adoptEveryMsDefault = 86_400_000;
const specialEveryMsDefault = 3_600_000;

/** Starts sync. It needs no store to be there: each is taken up when it answers. */
export function startSync(options: SyncOptions): Sync {
  return new Sync(options);
}

export class Sync {
  readonly #parts: SyncParts;
  readonly #capture: Capture;
  readonly #stores = new Map<Role, StoreSync>();
  readonly #relate: Relate | null;
  readonly #listeners = new Set<AppliedListener>();
  readonly #cancels: (() => void)[] = [];
  #stopping: Promise<void> | null = null;

  constructor(options: SyncOptions) {
    const { primary, bus, targets, embedder, clock, random, log, retention } = options;
    const watchMs = options.watchEveryMs ?? watchEveryMsDefault;
    const specialMs = options.specialEveryMs ?? specialEveryMsDefault;
    const scheduledEveryMs = (role: Role): number | null => (isScheduled(role) && specialMs > 0 ? specialMs : null);
    const ports = { ledger: primary.ledger, bus, targets, embedder, clock, random, log };
    this.#parts = { ...ports, retention, watchMs, scheduledEveryMs };
    this.#capture = new Capture({ ...this.#parts, gatherMs: options.gatherMs ?? 0 });
    const embeddings = new Embeddings(this.#parts);
    const hooks = { onApplied: (role: Role, held: readonly RecordVersion[]) => this.#applied(role, held) };
    for (const [role, target] of targets) {
      this.#stores.set(role, new StoreSync(this.#parts, target, this.#capture, embeddings, hooks));
    }
    this.#relate = this.#createRelate(options.relateScoreMin);
    this.#start(options);
  }

  #start({ purgeEveryMs, adoptEveryMs, clock }: SyncOptions): void {
    this.#capture.start();
    for (const store of this.#stores.values()) store.start();
    this.#relate?.start();
    const purgeAll = async () => {
      for (const store of this.#stores.values()) await purge(this.#parts, store);
    };
    this.#cancels.push(clock.every(purgeEveryMs ?? purgeEveryMsDefault, purgeAll));
    this.#cancels.push(clock.every(adoptEveryMs ?? adoptEveryMsDefault, () => adopt(this.#parts)));
  }

  #createRelate(scoreMin: number | null | undefined): Relate | null {
    const { targets, embedder, clock, log } = this.#parts;
    const vectors = targets.get('vectors') as VectorStore | undefined;
    const graph = targets.get('graph') as GraphStore | undefined;
    if (vectors === undefined || graph === undefined || scoreMin === null) return null;
    const busy = () => this.#isBusy();
    const settings = { model: embedder.model, scoreMin: scoreMin ?? lexicalScoreMin, busy };
    return new Relate({ vectors, graph, clock, log, ...settings });
  }

  /** Only the stores that relations use: another one that is down doesn't keep them back. */
  #isBusy(): boolean {
    const used = [this.#stores.get('vectors'), this.#stores.get('graph')];
    return used.some((store) => store !== undefined && (store.active > 0 || store.continuity.reconciling));
  }

  #applied(role: Role, held: readonly RecordVersion[]): void {
    if (role === 'vectors') this.#relate?.applied(held);
    for (const listener of this.#listeners) listener(role, held);
  }

  #store(role: Role): StoreSync {
    const store = this.#stores.get(role);
    if (store === undefined) throw new MindoraError('not_found', `this version has no store ${role}`);
    return store;
  }

  /** How everything does; never throws for what is down. */
  async status(): Promise<SyncStatus> {
    const [bus, primary, stores] = await Promise.all([
      busStatus(this.#parts),
      primaryStatus(this.#parts),
      Promise.all([...this.#stores.values()].map((store) => statusOf(this.#parts, store))),
    ]);
    const capture = this.#capture.status();
    const failing = bus.lastError !== null || primary.lastError !== null || capture.state === 'failing';
    return { healthy: !failing && stores.every(({ healthy }) => healthy), capture, bus, primary, stores };
  }

  /** The same as families of measurements. */
  async metrics(): Promise<MetricFamily[]> {
    return metricsOf(await this.status());
  }

  /**
   * Resolves when a store holds what a position names, so that its queries see it (rule 13).
   *
   * @throws MindoraError `invalid_position`, `not_found`, `parked`, `position_timeout` with `data` {store, behind,
   *   lagMs}, `overloaded`, `shutting_down`
   */
  async waitFor(role: Role, token: string, timeoutMs: number): Promise<void> {
    const position = readPosition(token);
    const store = this.#store(role);
    const deadline = this.#parts.clock.now() + timeoutMs;
    try {
      if (position.kind === 'records') await store.holds(position.records, deadline);
      else await store.shows(deadline);
    } catch (thrown) {
      throw await this.#howLate(role, thrown);
    }
  }

  async #howLate(role: Role, thrown: unknown): Promise<unknown> {
    if (!(thrown instanceof MindoraError) || thrown.code !== 'position_timeout') return thrown;
    const { lagBatches, lagMs } = await lagOf(this.#parts, role);
    const { pending, pendingMs } = await primaryStatus(this.#parts);
    const data = {
      behind: pending + lagBatches,
      ...thrown.data,
      store: role,
      lagMs: Math.max(lagMs, pendingMs),
    };
    return new MindoraError('position_timeout', thrown.message, { cause: thrown, data });
  }

  /** Whether a store is being filled or compared: what it lacks is on its way, though no mark may say so yet. */
  reconciling(role: Role): boolean {
    const store = this.#store(role);
    return store.continuity.reconciling || !store.continuity.trusted || store.relabelling;
  }

  /**
   * Wipes a store and fills it from the primary while writes go on; resolves when it holds all that was committed
   * before. `onProgress` gets the records compared so far.
   */
  async rebuild(role: Role, onProgress?: (compared: number) => void): Promise<{ compared: number }> {
    const store = this.#store(role);
    const cancel = this.#parts.clock.every(200, () => onProgress?.(store.continuity.compared));
    try {
      await store.rebuild();
      await store.caughtUp(Number.POSITIVE_INFINITY);
    } finally {
      cancel();
    }
    onProgress?.(store.continuity.compared);
    return { compared: store.continuity.compared };
  }

  /**
   * Settings of the bus and of the stores' servers that could lose what was acknowledged, by part; of what is away
   * nothing is known yet, and it is refused when it comes.
   */
  async weakSettings(): Promise<{ part: string; weak: string[] }[]> {
    const { bus, targets } = this.#parts;
    const asked = [...targets].map(([part, target]) => ({ part: part as string, ask: () => target.weakSettings?.() }));
    const all = [{ part: 'bus', ask: () => bus.weakSettings?.() }, ...asked];
    return Promise.all(
      all.map(async ({ part, ask }) => ({ part, weak: (await Promise.resolve(ask()).catch(() => [])) ?? [] })),
    );
  }

  /** Keeps a scheduled store filled until the returned function is called: for whoever compares it. */
  hold(role: Role): () => void {
    return this.#store(role).schedule.hold();
  }

  /** Sends records (null: all of an entity) to stores (null: all) again; how many. */
  async touch(entity: EntityName, ids: readonly string[] | null, roles: readonly Role[] | null): Promise<number> {
    const { ledger } = this.#parts;
    if (ids === null) return ledger.touchAll(entity, roles);
    for (const chunk of chunksOf(ids, touchesAtOnce)) {
      await ledger.touch(chunk.map((id): Touch => ({ entity, id, stores: roles })));
    }
    return ids.length;
  }

  /** Parked records, at most 10,000. */
  async listParked(filter: ParkedFilter): Promise<ParkedRecord[]> {
    const { store, entity, ids = null } = filter;
    const parked = await this.#parts.ledger.parked({ store, entity, limit: parkedMax });
    return ids === null ? parked : parked.filter(({ id }) => ids.includes(id));
  }

  /** Sends parked records to their stores again; they stay parked until they are taken. How many. */
  async replayParked(filter: ParkedFilter): Promise<number> {
    const parked = await this.listParked(filter);
    // Those that ended the process are not even tried while their entries stand.
    await this.#unpark(parked.filter(({ reason }) => reason === diedReason));
    for (const chunk of chunksOf(parked, touchesAtOnce)) {
      await this.#parts.ledger.touch(chunk.map(({ entity, id, store }): Touch => ({ entity, id, stores: [store] })));
    }
    return parked.length;
  }

  /** Forgets parked entries; the stores go on lacking the records. How many. */
  async dropParked(filter: ParkedFilter): Promise<number> {
    const parked = await this.listParked(filter);
    await this.#unpark(parked);
    return parked.length;
  }

  async #unpark(parked: readonly ParkedRecord[]): Promise<void> {
    for (const store of this.#stores.values()) {
      await store.parking.unpark(parked.filter((record) => record.store === store.role));
    }
  }

  /** The next batch of which a store refuses many records is parked, instead of being held against the store. */
  acceptRefusals(role: Role): void {
    this.#store(role).acceptRefusals();
  }

  /** Workers of a store rest after the batch they are at. */
  pause(role: Role): Promise<void> {
    return this.#store(role).pause();
  }

  resume(role: Role): void {
    this.#store(role).resume();
  }

  /**
   * Waits until nothing is pending and every store has handled all that is on the bus, embeddings included, which are
   * made on the way. False at the deadline.
   */
  async quiesce(timeoutMs: number): Promise<boolean> {
    const deadline = this.#parts.clock.now() + timeoutMs;
    try {
      for (;;) {
        const heads = await this.#parts.bus.heads();
        await Promise.all([...this.#stores.values()].map((store) => store.caughtUp(deadline)));
        const [pending] = await this.#parts.ledger.pending(1, 1);
        const after = await this.#parts.bus.heads();
        if (pending === undefined && after.every((head, partition) => head === heads[partition])) return true;
      }
    } catch (thrown) {
      if (thrown instanceof MindoraError && thrown.code === 'position_timeout') return false;
      throw thrown;
    }
  }

  /** Calls back with what stores hold as they apply it. Returns a function that ends it. */
  onApplied(listener: AppliedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends after the batches in hand, at most after `graceMs`. What is left goes on from there at the next start. */
  stop(graceMs = 10_000): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #stop(graceMs: number): Promise<void> {
    for (const cancel of this.#cancels) cancel();
    const stores = [...this.#stores.values()].map((store) => store.stop());
    const ended = Promise.all([this.#capture.stop(), this.#relate?.stop(), ...stores]);
    const patience = new AbortController();
    await Promise.race([ended, this.#parts.clock.sleep(graceMs, patience.signal)]);
    patience.abort();
  }
}
