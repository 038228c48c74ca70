/**
 * Erasure (rule 16; requirement A4.7): removes a user from the primary, every store, the bus and all that registered,
 * and certifies what was looked at and that nothing is left.
 *
 * Every step may be repeated. The primary notes the erasure before anything else and its end after everything else: what
 * a crash broke off is finished by {@link resumeErasures}.
 */
import { type ErasedPlace, type ErasureCertificate, entitiesOf, type RecordKey, type Role } from '@mindora/contracts';
import { MindoraError, toMindoraError } from '@mindora/runtime';
import type { Target } from '@mindora/stores';
import { Patience, persist } from '../verify/context.ts';
import { settle } from '../verify/settle.ts';
import { chunked, deletedKeys } from './keys.ts';
import type { EraseOptions, EraseParts, OnEraseProgress } from './ports.ts';
import { probesOf } from './probes.ts';

export type {
  EraseOptions,
  EraseParts,
  EraseProgress,
  OnEraseProgress,
  UserQueries,
} from './ports.ts';

/**
 * Erases a user. Writes for the user are refused from the first step on, for good.
 *
 * @returns a certificate; where `ok` is false something is left or couldn't be looked at, and the erasure stays open
 * @throws MindoraError `shutting_down` where the signal broke it off; `store_unavailable` where the primary fails
 */
export async function erase(
  parts: EraseParts,
  userId: string,
  options: EraseOptions,
  onProgress: OnEraseProgress = () => undefined,
): Promise<ErasureCertificate> {
  const run = new Erasure(parts, userId, options, onProgress);
  return run.run();
}

/** Finishes erasures that were begun and not ended, one after the other. One that fails doesn't keep the others. */
export async function resumeErasures(parts: EraseParts, options: EraseOptions): Promise<ErasureCertificate[]> {
  const open = (await parts.ledger.erasures()).filter(({ endedAt }) => endedAt === null);
  const certificates: ErasureCertificate[] = [];
  for (const { userId } of open) certificates.push(await erase(parts, userId, options));
  return certificates;
}

const kept = [
  'ledger: entity, id and version of each deleted record, so that late copies of it stay deleted',
  'ledger: the id of a user record and of a profile is the user id itself; the id of an embedding is a hash of its text',
  'erasures: the user id with the time, so that new writes for it are refused',
];

class Erasure {
  readonly #parts: EraseParts;
  readonly #userId: string;
  readonly #patience: Patience;
  readonly #onProgress: OnEraseProgress;
  readonly #stores = new Map<Role, { -readonly [K in keyof ErasedPlace]: ErasedPlace[K] }>();
  readonly #holders = new Map<string, ErasedPlace>();
  readonly #scrubbed: string[] = [];
  /** Lists the keys to wait for and to look at, anew each time. */
  #keys: () => AsyncIterable<RecordKey[]> = () => chunked([]);

  constructor(parts: EraseParts, userId: string, options: EraseOptions, onProgress: OnEraseProgress) {
    this.#parts = parts;
    this.#userId = userId;
    this.#patience = new Patience(parts.clock, options.waitMs, options.signal);
    this.#onProgress = onProgress;
    for (const [role, { engine }] of parts.targets) {
      this.#stores.set(role, { engine, checked: 0, left: 0, error: null });
    }
  }

  async run(): Promise<ErasureCertificate> {
    const { ledger, clock, version } = this.#parts;
    const resumed = await this.#begin();
    const deleted = await this.#delete(resumed);
    await this.#eraseHolders();
    await this.#eachStore('apply', (role, target) => this.#apply(role, target));
    await this.#scrub();
    await this.#eachStore('check', (role, target) => this.#check(role, target));
    await this.#checkPrimary();
    const places = [...this.#stores.values(), ...this.#holders.values()];
    const ok = places.every(({ left, error }) => left === 0 && error === null);
    if (ok) await ledger.endErasure(this.#userId);
    return {
      version,
      user_id: this.#userId,
      erased_at: clock.timestamp(),
      resumed,
      records: countByEntity(deleted),
      stores: Object.fromEntries(this.#stores),
      holders: Object.fromEntries(this.#holders),
      files_scrubbed: this.#scrubbed,
      what_expires: this.#whatExpires(),
      kept,
      ok,
    };
  }

  /** Whether it was begun before and not ended. */
  async #begin(): Promise<boolean> {
    const { ledger } = this.#parts;
    const open = (await ledger.erasures()).some((it) => it.userId === this.#userId && it.endedAt === null);
    await ledger.beginErasure(this.#userId);
    return open;
  }

  async #delete(resumed: boolean): Promise<readonly RecordKey[]> {
    this.#onProgress({ step: 'delete', store: null });
    const { ledger } = this.#parts;
    const deleted = await ledger.deleteUser(this.#userId);
    this.#keys = () => (resumed ? deletedKeys(ledger) : chunked(deleted));
    return deleted;
  }

  async #eraseHolders(): Promise<void> {
    for (const holder of this.#parts.holders) {
      const place = await attempt(holder.name, async () => {
        const checked = await holder.erase(this.#userId);
        return { checked, left: await holder.left(this.#userId) };
      });
      this.#holders.set(holder.name, place);
    }
  }

  async #eachStore(
    step: 'apply' | 'scrub' | 'check',
    work: (role: Role, target: Target) => Promise<void>,
  ): Promise<void> {
    for (const [role, target] of this.#parts.targets) {
      this.#patience.assertWanted();
      this.#onProgress({ step, store: role });
      const place = this.#stores.get(role);
      if (place?.error !== null) continue;
      try {
        await persist(this.#patience, () => work(role, target));
      } catch (thrown) {
        this.#patience.assertWanted();
        place.error = toMindoraError(thrown).message;
      }
    }
  }

  /** Waits until the store has applied the deletions, then drops what it keeps beside its records. */
  async #apply(role: Role, target: Target): Promise<void> {
    const { ledger } = this.#parts;
    for await (const keys of this.#keysOf(role)) {
      const lines = (await ledger.read(keys)).filter((line) => line !== null);
      this.#patience.begin();
      const settled = await settle({ parts: this.#parts, role, patience: this.#patience }, lines);
      if (!settled) throw new MindoraError('position_timeout', 'the deletions were not applied in time');
      await ledger.unpark(role, lines);
    }
    await target.purge(this.#tombstonesBefore());
    if (role === 'personal') await this.#parts.queries.personal?.removeUser(this.#userId);
    if (role === 'graph') await this.#removeRelations();
  }

  /**
   * Tombstones keep out older states that the bus may still deliver (rule 10), and bear ids and owners. Where the bus
   * forgets what all stores acknowledged, nothing older can come any more, and they go at once; else only what has
   * expired goes.
   */
  #tombstonesBefore(): number {
    return this.#parts.bus.scrub === undefined ? 0 : this.#parts.clock.now() + 1;
  }

  async #removeRelations(): Promise<void> {
    const { relations, embedder } = this.#parts;
    if (relations === undefined) return;
    for (let round = 0; round < relationRoundsMax; round++) {
      const dead = await relations.deadRelations(embedder.model, relationsAtOnce);
      if (dead.length > 0) await relations.removeRelations(dead);
      if (dead.length < relationsAtOnce) return;
    }
  }

  /** The bus first: what it holds was applied. Then the stores, and last the primary. */
  async #scrub(): Promise<void> {
    const { bus, ledger } = this.#parts;
    if (bus.scrub !== undefined) await this.#scrubHolder('bus', bus.engine, () => bus.scrub?.() ?? Promise.resolve());
    await this.#eachStore('scrub', async (role, target) => {
      await target.scrub();
      if (target.capabilities.retains === undefined) this.#scrubbed.push(role);
    });
    await this.#scrubHolder('primary', 'ledger', () => ledger.scrub(), this.#parts.primaryScrubs ?? true);
  }

  async #scrubHolder(name: string, engine: string, scrub: () => Promise<void>, scrubs = true): Promise<void> {
    this.#onProgress({ step: 'scrub', store: null });
    const place = await attempt(engine, async () => {
      await persist(this.#patience, scrub);
      if (scrubs) this.#scrubbed.push(name);
      return { checked: 0, left: 0 };
    });
    this.#holders.set(name, place);
  }

  async #check(role: Role, target: Target): Promise<void> {
    let checked = 0;
    let left = 0;
    await target.refresh();
    for await (const keys of this.#keysOf(role)) {
      const found = await target.get(keys);
      const lines = await this.#parts.ledger.read(keys);
      checked += keys.length;
      // An embedding may have come back with another user's equal text.
      left += found.filter((record, index) => record?.document != null && lines[index]?.present !== true).length;
    }
    for (const probe of probesOf(role, this.#parts.queries, target.capabilities.dimensions)) {
      checked++;
      left += await probe(this.#userId);
    }
    const place = this.#stores.get(role);
    if (place !== undefined) Object.assign(place, { checked, left });
  }

  async #checkPrimary(): Promise<void> {
    const { ledger } = this.#parts;
    const place = this.#holders.get('primary');
    if (place === undefined || place.error !== null) return;
    const owned = await ledger.keysOfUser(this.#userId);
    let checked = 1;
    let left = owned.length;
    for await (const keys of this.#keys()) {
      const lines = await ledger.read(keys);
      checked += keys.length;
      left += lines.filter((line, index) => line?.present === true && keys[index]?.entity !== 'embedding').length;
    }
    this.#holders.set('primary', { ...place, checked, left });
  }

  /** Those of the keys that a store holds. */
  async *#keysOf(role: Role): AsyncGenerator<RecordKey[]> {
    const held = new Set<string>(entitiesOf(role));
    for await (const keys of this.#keys()) {
      const wanted = keys.filter(({ entity }) => held.has(entity));
      if (wanted.length > 0) yield wanted;
    }
  }

  /** Where no query finds it any more. */
  #whatExpires(): ErasureCertificate['what_expires'] {
    const { bus, targets, primaryScrubs } = this.#parts;
    const held = [...targets].flatMap(([role, { capabilities }]) => {
      const { retains } = capabilities;
      return retains === undefined ? [] : [{ what: retains.what, where: role as string, at: `when ${retains.until}` }];
    });
    if (primaryScrubs === false) {
      held.push({ what: 'logs, free pages, backups', where: 'primary', at: 'when they are overwritten or expire' });
    }
    if (bus.scrub !== undefined) return held;
    return [
      ...held,
      { what: 'batches of changes', where: bus.engine, at: 'the end of the retention of the log' },
      { what: 'tombstones: ids and versions', where: 'stores', at: 'the end of the retention of the log' },
    ];
  }
}

const relationsAtOnce = 1_000;
const relationRoundsMax = 10_000;

/** A place's state, with its error in place of a throw. */
async function attempt(engine: string, work: () => Promise<{ checked: number; left: number }>): Promise<ErasedPlace> {
  try {
    return { engine, ...(await work()), error: null };
  } catch (thrown) {
    const { code, message } = toMindoraError(thrown);
    if (code === 'shutting_down') throw thrown;
    return { engine, checked: 0, left: 0, error: message };
  }
}

function countByEntity(keys: readonly RecordKey[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { entity } of keys) counts[entity] = (counts[entity] ?? 0) + 1;
  return counts;
}
