/** Checking one store from its first record to its last. */
import type { Drift, DriftKind, EntityName, Role, StoreVerdict } from '@mindora/contracts';
import { toMindoraError } from '@mindora/runtime';
import type { Target } from '@mindora/stores';
import { type Chunk, chunkRecordsMax, readChunk } from './chunk.ts';
import { compare, repairOf } from './compare.ts';
import { type CheckContext, Patience, persist } from './context.ts';
import { checkDerived } from './derived.ts';
import { type Candidate, candidateOf, type Drifted, judge, standingParked } from './judge.ts';
import type { OnProgress, VerifyOptions, VerifyParts } from './ports.ts';
import { repair } from './repair.ts';

/** Candidates are judged when there are this many: it bounds the memory, and the work lost when one must wait. */
const candidatesMax = 1_000;

const firstChunkRecords = 50;

/** Most parked records that are counted. */
const parkedMax = 100_000;

export interface StoreResult {
  readonly verdict: StoreVerdict;
  readonly differences: readonly Drift[];
  /** Differences beyond the bound of the list. */
  readonly unlisted: number;
}

/** The check of one store; used once. */
export class StoreCheck {
  readonly #context: CheckContext;
  readonly #options: VerifyOptions;
  readonly #onProgress: OnProgress;
  readonly #total: number;
  readonly #differences: Drift[] = [];
  readonly #verdict: { -readonly [K in keyof StoreVerdict]: StoreVerdict[K] };
  #candidates: Candidate[] = [];
  #found = 0;

  constructor(
    parts: VerifyParts,
    role: Role,
    target: Target,
    options: VerifyOptions,
    progress: { readonly on: OnProgress; readonly total: number },
  ) {
    const patience = new Patience(parts.clock, options.waitMs, options.signal);
    const rules = { expires: target.capabilities.expires };
    this.#context = { parts, role, target, rules, patience };
    this.#options = options;
    this.#onProgress = progress.on;
    this.#total = progress.total;
    this.#verdict = { engine: target.engine, ...zeros(), error: null };
  }

  /** Never rejects but where the check was broken off: a store that fails is told in its verdict. */
  async run(entities: readonly EntityName[]): Promise<StoreResult> {
    const release = this.#context.parts.hold?.(this.#context.role);
    try {
      await persist(this.#context.patience, () => this.#context.target.refresh());
      for (const entity of entities) await this.#checkEntity(entity);
      await this.#checkDerived();
      this.#verdict.parked = await this.#countParked(entities);
    } catch (thrown) {
      this.#context.patience.assertWanted();
      const error = toMindoraError(thrown);
      this.#verdict.error = { code: error.code, detail: error.message };
    } finally {
      release?.();
    }
    const unlisted = this.#found - this.#differences.length;
    return { verdict: this.#verdict, differences: this.#differences, unlisted };
  }

  async #checkEntity(entity: EntityName): Promise<void> {
    let after: string | null = null;
    let limit = firstChunkRecords;
    do {
      this.#context.patience.assertWanted();
      const from: string | null = after;
      const records = Math.min(limit, chunkRecordsMax);
      const chunk: Chunk = await persist(this.#context.patience, () => readChunk(this.#context, entity, from, records));
      const now = this.#context.parts.clock.now();
      for (const look of chunk.looks) {
        if (compare(look, now, this.#context.rules) === null) continue;
        this.#candidates.push(candidateOf({ entity, id: look.id }, look.line));
      }
      this.#verdict.checked += chunk.looks.length;
      if (this.#candidates.length >= candidatesMax) await this.#judge();
      ({ next: after, limit } = chunk);
      this.#report(entity, after === null);
    } while (after !== null);
    await this.#judge();
  }

  #report(entity: EntityName, last: boolean): void {
    const { checked } = this.#verdict;
    this.#onProgress({
      store: this.#context.role,
      entity,
      checked,
      total: last ? checked : Math.max(this.#total, checked),
    });
  }

  async #judge(): Promise<void> {
    const candidates = this.#candidates;
    this.#candidates = [];
    const { drifted, pending, moving } = await judge(this.#context, candidates);
    this.#verdict.pending += pending.length;
    this.#verdict.moving += moving;
    for (const record of await this.#mend(drifted)) this.#list(driftOf(this.#context.role, record));
  }

  /** What is left to be told. */
  async #mend(drifted: readonly Drifted[]): Promise<readonly Drifted[]> {
    if (!this.#mends || drifted.length === 0) return drifted;
    const { repaired, left } = await repair(this.#context, drifted);
    this.#verdict.repaired += repaired;
    return left;
  }

  async #checkDerived(): Promise<void> {
    if (this.#options.entities !== null) return;
    const { drifts, repaired } = await checkDerived(this.#context, this.#mends);
    this.#verdict.repaired += repaired;
    for (const drift of drifts) this.#list(drift);
  }

  get #mends(): boolean {
    return this.#options.repair && !this.#options.dryRun;
  }

  #list(drift: Drift): void {
    this.#verdict[drift.kind]++;
    this.#found++;
    if (this.#differences.length < (this.#options.differencesMax ?? 1_000)) this.#differences.push(drift);
  }

  async #countParked(entities: readonly EntityName[]): Promise<number> {
    const parked = await standingParked(this.#context, parkedMax);
    return parked.filter(({ entity }) => entities.includes(entity)).length;
  }
}

function zeros(): Record<DriftKind | 'checked' | 'pending' | 'parked' | 'repaired' | 'moving', number> {
  return {
    checked: 0,
    missing: 0,
    extra: 0,
    stale: 0,
    different: 0,
    resurrected: 0,
    pending: 0,
    parked: 0,
    repaired: 0,
    moving: 0,
  };
}

function driftOf(store: Role, { entity, id, line, stored, finding }: Drifted): Drift {
  return {
    store,
    entity,
    id,
    kind: finding.kind,
    ledger_version: line?.version ?? null,
    store_version: stored?.version ?? null,
    ...(finding.fields.length === 0 ? {} : { fields: [...finding.fields] }),
    cause: finding.cause,
    repair: repairOf(line, stored),
  };
}
