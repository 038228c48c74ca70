/** One outage: load, an engine goes away and comes back, and everything agrees again without help. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Row, VerifyReport } from '@mindora/contracts';
import type { SyncStatus } from '@mindora/sync';
import { connectMysql, type EngineName } from '@mindora/testing/engines';
import { mindora } from '../../support/version.ts';
import { Chance } from '../chance.ts';
import { checkQueries, checkRows } from '../check.ts';
import { Model, Violation } from '../model.ts';
import { tables } from '../operations.ts';
import { Load, type LoadCounts } from './load.ts';
import { linesPerS } from './log.ts';
import { type Seen, statusOf, Watch } from './watch.ts';
import { type OutageKind, type OutageWorld, partsOf } from './world.ts';

export interface OutageOptions {
  readonly engine: EngineName;
  readonly kind: OutageKind;
  readonly seconds: number;
  readonly ratePerS: number;
  readonly seed: number;
}

/** What was seen of it. */
export interface OutageResult extends OutageOptions {
  readonly product: string;
  readonly counts: LoadCounts;
  readonly seen: Seen;
  /** From the engine's first answer until nothing lagged, under load. */
  readonly caughtUpMs: number;
  /** Records that verify compared. */
  readonly checked: number;
  /** Lines that one part of the version logged in one second, at most. */
  readonly logLinesPerS: number;
}

const warmUpMs = 3000;
/** Clients may go on refusing so long after their engine answers again. */
const graceMs = 10_000;
/** What is on its way at all times. */
const lagMsMax = 1500;
const lookEveryMs = 200;
const restMs = 120_000;
/** Users that are looked at at a time. */
const usersAtOnce = 4;

/** @throws Violation where a promise is broken */
export async function runOutage(world: OutageWorld, options: OutageOptions): Promise<OutageResult> {
  const outage = new Outage(world, options);
  try {
    return await outage.run();
  } finally {
    await outage.close();
  }
}

class Outage {
  readonly #world: OutageWorld;
  readonly #options: OutageOptions;
  readonly #model = new Model();
  readonly #beganAt = Date.now();
  #isAway = false;
  #backAt = Number.POSITIVE_INFINITY;
  #load: Load | null = null;
  #watch: Watch | null = null;

  constructor(world: OutageWorld, options: OutageOptions) {
    this.#world = world;
    this.#options = options;
  }

  async run(): Promise<OutageResult> {
    const { engine, kind, seconds } = this.#options;
    // A version that is being started answers nobody, so nobody asks before.
    if (kind === 'absent') await this.#begin();
    const [load, watch] = [this.#startLoad(), this.#startWatch()];
    if (kind !== 'absent') {
      await pause(warmUpMs);
      await this.#begin();
    }
    await pause(seconds * 1000);
    await this.#world.end(engine, kind);
    this.#backAt = performance.now();
    const caughtUpMs = await this.#catchUp();
    await load.stop();
    const seen = await watch.stop();
    this.#assertTold(seen);
    await this.#rest();
    const checked = await this.#verify();
    await this.#check(load.users);
    const { product } = this.#world.engines.of(engine);
    const logLinesPerS = linesPerS(this.#world.version.log(), this.#beganAt);
    return { ...this.#options, product, counts: load.counts, seen, caughtUpMs, checked, logLinesPerS };
  }

  async close(): Promise<void> {
    // What they met is told already.
    await this.#load?.stop().catch(() => undefined);
    await this.#watch?.stop().catch(() => undefined);
  }

  async #begin(): Promise<void> {
    this.#isAway = true;
    await this.#world.begin(this.#options.engine, this.#options.kind);
  }

  #startLoad(): Load {
    const { engine, kind, ratePerS, seed } = this.#options;
    const isPrimary = engine === 'mariadb';
    this.#load = new Load({
      client: () => this.#world.client,
      model: this.#model,
      chance: new Chance(seed),
      ratePerS,
      // Short: an id has 36 characters at most.
      name: `${engine.slice(0, 7)}_${kind}_${seed}`,
      mayRefuse: () => isPrimary && this.#isAway && performance.now() < this.#backAt + graceMs,
    });
    return this.#load;
  }

  #startWatch(): Watch {
    this.#watch = new Watch(() => this.#world.version, partsOf(this.#options.engine));
    return this.#watch;
  }

  /** Waits until everything is healthy and what was away lags no more, while the load goes on; how long that took. */
  async #catchUp(): Promise<number> {
    const { roles, pending } = partsOf(this.#options.engine);
    const deadlineMs = 3 * this.#options.seconds * 1000 + restMs;
    await this.#until('caught up', deadlineMs, ({ healthy, primary, stores }) => {
      const isPublished = !pending || primary.pendingMs < lagMsMax;
      return healthy && isPublished && stores.every(({ store, lagMs }) => !roles.includes(store) || lagMs < lagMsMax);
    });
    return performance.now() - this.#backAt;
  }

  /** Waits until nothing is on its way. */
  #rest(): Promise<void> {
    return this.#until('at rest', restMs, ({ healthy, primary, stores }) => {
      return healthy && primary.pending === 0 && stores.every(({ lagBatches }) => lagBatches === 0);
    });
  }

  async #until(what: string, deadlineMs: number, holds: (status: SyncStatus) => boolean): Promise<void> {
    const endsAt = performance.now() + deadlineMs;
    for (;;) {
      // Without its primary a version that was just started knows nobody; it does as soon as that answers.
      const status = await statusOf(this.#world.version).catch(() => null);
      if (status !== null && holds(status)) return;
      if (performance.now() > endsAt) throw new Violation(`not ${what} within ${deadlineMs} ms: ${summaryOf(status)}`);
      await pause(lookEveryMs);
    }
  }

  /** Who looks at the version while a part is away must see which, and by how much it is behind. */
  #assertTold({ isTold, statusLagMs, metricsLagMs }: Seen): void {
    const { engine, kind, seconds } = this.#options;
    if (!isTold && kind !== 'lose') throw new Violation(`status never said that ${engine} was away`);
    // Nothing comes to lag where nothing is committed.
    if (engine === 'mariadb') return;
    const leastMs = kind === 'lose' ? 0 : seconds * 1000 * 0.7;
    if (Math.min(statusLagMs, metricsLagMs) < leastMs) {
      throw new Violation(`the lag behind ${engine} was told as ${statusLagMs} ms and ${metricsLagMs} ms`);
    }
  }

  async #verify(): Promise<number> {
    const { code, output, error } = await mindora(this.#world.engines.data, ['verify', '--json']);
    if (code !== 0) throw new Violation(`verify ended with ${code}: ${(output + error).slice(0, 3000)}`);
    const report = JSON.parse(output) as VerifyReport;
    return Object.values(report.stores).reduce((sum, { checked }) => sum + checked, 0);
  }

  /** What was acknowledged is in the primary, and each store's own queries show just what the primary has. */
  async #check(users: readonly string[]): Promise<void> {
    const primary = await connectMysql(this.#world.engines.environment.MINDORA_PRIMARY_URL ?? '');
    try {
      for (const entity of ['conversation', 'analysis'] as const) {
        const { table, key, fields } = tables[entity];
        const sql = `SELECT ${key} AS _id, ${fields} FROM ${table} WHERE user_id IN (?)`;
        checkRows(entity, (await primary.query(sql, [users as never])) as Row[], this.#model);
      }
    } finally {
      await primary.close();
    }
    const left = [...users];
    const worker = async (): Promise<void> => {
      for (let user = left.pop(); user !== undefined; user = left.pop()) {
        await checkQueries(this.#world.client, this.#model, user);
      }
    };
    await Promise.all(Array.from({ length: usersAtOnce }, worker));
  }
}

function summaryOf(status: SyncStatus | null): string {
  if (status === null) return 'status does not answer';
  const { primary, bus, capture, stores } = status;
  const some = stores.map(({ store, state, breaker, lagBatches, lagMs, detail }) => {
    return `${store} ${state} ${breaker} ${lagBatches} batches ${lagMs} ms ${detail}`;
  });
  return [JSON.stringify(primary), bus.lastError, JSON.stringify(capture), ...some].join('; ');
}
