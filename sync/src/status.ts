import type { MetricFamily, Role } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import type { StorePosition } from '@mindora/stores';
import type { BreakerState } from './breaker.ts';
import type { CaptureStatus } from './capture.ts';
import { facts, type SyncParts } from './parts.ts';
import type { StoreSync } from './store.ts';

/** Counted since sync started. */
export interface StoreTotals {
  batches: number;
  records: number;
  refused: number;
  reconciles: number;
}

export interface StoreStatus {
  readonly store: Role;
  readonly engine: string;
  /** It answers, holds what sync put there, and takes what it is given. */
  readonly healthy: boolean;
  readonly detail: string;
  readonly state: 'starting' | 'running' | 'reconciling' | 'failing' | 'paused';
  readonly breaker: BreakerState;
  readonly positions: readonly StorePosition[];
  /** Batches on the bus that it has not acknowledged, and the age of the oldest. */
  readonly lagBatches: number;
  readonly lagMs: number;
  /** A store that is filled on a schedule (A4.4) may be this far behind; null: it is filled at once. */
  readonly everyMs: number | null;
  /** Its workers run now; a scheduled store's rest in between. */
  readonly filling: boolean;
  readonly parked: number;
  readonly applied: Readonly<StoreTotals>;
  readonly lastError: { readonly code: string; readonly detail: string } | null;
}

export interface SyncStatus {
  readonly healthy: boolean;
  readonly capture: CaptureStatus;
  readonly bus: {
    readonly engine: string;
    readonly incarnation: string | null;
    readonly heads: readonly number[];
    readonly lastError: string | null;
  };
  readonly primary: {
    readonly records: number;
    readonly pending: number;
    /** Age of the oldest pending mark. */
    readonly pendingMs: number;
    readonly parked: number;
    readonly lastError: string | null;
  };
  readonly stores: readonly StoreStatus[];
}

/** A part that hangs is told as one that doesn't answer: who looks at the others must not wait for it. */
const patienceMs = 2000;

/** Answers that are still waited for, by part and question: who looks again meanwhile waits for the same one. */
const asking = new WeakMap<object, Map<string, Promise<unknown>>>();

/** @throws MindoraError `store_unavailable` where the part takes too long, or what it throws */
async function patiently<T>(clock: Clock, part: object, name: string, ask: () => Promise<T>): Promise<T> {
  const questions = asking.get(part) ?? new Map<string, Promise<unknown>>();
  asking.set(part, questions);
  const answer = (questions.get(name) as Promise<T> | undefined) ?? ask().finally(() => questions.delete(name));
  questions.set(name, answer);
  const patience = new AbortController();
  const late = clock.sleep(patienceMs, patience.signal).then((): never => {
    throw new MindoraError('store_unavailable', `no answer within ${patienceMs} ms`);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    patience.abort();
    // Whichever came second is nobody's.
    for (const other of [answer, late]) other.catch(() => undefined);
  }
}

/** How a store does, also where it can't be asked. */
export async function statusOf(parts: SyncParts, store: StoreSync): Promise<StoreStatus> {
  const [{ lagBatches, lagMs }, { positions, ok, detail }] = await Promise.all([
    lagOf(parts, store.role),
    askedOf(parts, store),
  ]);
  const state = stateOf(store);
  return {
    store: store.role,
    engine: store.target.engine,
    healthy: ok && (state === 'running' || state === 'paused') && store.breaker.state === 'closed',
    detail: store.lastError?.detail ?? detail,
    state,
    breaker: store.breaker.state,
    positions,
    lagBatches,
    lagMs,
    everyMs: store.schedule.everyMs,
    filling: store.schedule.running,
    parked: store.parking.count,
    applied: { ...store.totals },
    lastError: store.lastError,
  };
}

function stateOf(store: StoreSync): StoreStatus['state'] {
  if (store.paused) return 'paused';
  const { reconciling, settling } = store.continuity;
  if (reconciling || settling || store.gate.paused) return 'reconciling';
  if (store.lastError !== null) return 'failing';
  return store.continuity.trusted ? 'running' : 'starting';
}

async function askedOf(
  { clock }: SyncParts,
  { target }: StoreSync,
): Promise<{ positions: StorePosition[]; ok: boolean; detail: string }> {
  try {
    return await patiently(clock, target, 'status', async () => {
      const health = await target.health();
      return { positions: await target.positions(), ok: health.ok, detail: health.detail };
    });
  } catch (thrown) {
    return { positions: [], ok: false, detail: facts(thrown).detail };
  }
}

/** Batches on the bus that a store has not acknowledged; the bus's own failure is told in its own place. */
export async function lagOf({ bus, clock }: SyncParts, role: Role): Promise<{ lagBatches: number; lagMs: number }> {
  try {
    const lags = await patiently(clock, bus, role, () => bus.lag(role));
    const oldest = Math.min(...lags.map(({ oldestAt }) => oldestAt ?? Number.POSITIVE_INFINITY));
    return {
      lagBatches: lags.reduce((sum, { head, acknowledged }) => sum + Math.max(0, head - acknowledged), 0),
      lagMs: Number.isFinite(oldest) ? Math.max(0, clock.now() - oldest) : 0,
    };
  } catch {
    // The bus says so itself in its part of the status.
    return { lagBatches: 0, lagMs: 0 };
  }
}

/** How the bus does, also where it can't be asked. */
export async function busStatus({ bus, clock }: SyncParts): Promise<SyncStatus['bus']> {
  try {
    return await patiently(clock, bus, 'heads', async () => {
      return { engine: bus.engine, incarnation: await bus.incarnation(), heads: await bus.heads(), lastError: null };
    });
  } catch (thrown) {
    return { engine: bus.engine, incarnation: null, heads: [], lastError: facts(thrown).code };
  }
}

/** How the ledger does, also where it can't be asked. */
export async function primaryStatus({ ledger, clock }: SyncParts): Promise<SyncStatus['primary']> {
  try {
    const asked = await patiently(clock, ledger, 'statistics', () => ledger.statistics());
    const { records, pending, oldestPendingAt, now, parked } = asked;
    const pendingMs = oldestPendingAt === null ? 0 : Math.max(0, now - oldestPendingAt);
    return { records, pending, pendingMs, parked, lastError: null };
  } catch (thrown) {
    return { records: 0, pending: 0, pendingMs: 0, parked: 0, lastError: facts(thrown).code };
  }
}

const families = {
  mindora_sync_pending_records: ['gauge', 'Records whose present version is not on the bus yet'],
  mindora_sync_pending_seconds: ['gauge', 'Age of the oldest of them'],
  mindora_sync_parked_records: ['gauge', 'Records parked in all stores'],
  mindora_sync_captured_records_total: ['counter', 'Records published since sync started'],
  mindora_sync_store_healthy: ['gauge', '1 where a store answers and takes what it is given'],
  mindora_sync_lag_batches: ['gauge', 'Batches on the bus that a store has not acknowledged'],
  mindora_sync_lag_seconds: ['gauge', 'Age of the oldest of them'],
  mindora_sync_store_parked_records: ['gauge', 'Records parked in a store'],
  mindora_sync_applied_records_total: ['counter', 'Records applied to a store since sync started'],
  mindora_sync_refused_records_total: ['counter', 'Records that a store refused since sync started'],
  mindora_sync_reconciles_total: ['counter', 'Reconciles of a store since sync started'],
} as const satisfies Record<string, readonly ['counter' | 'gauge', string]>;

type Measured = readonly [name: keyof typeof families, value: number, store?: Role];

/** A status as families of measurements. Pure. */
export function metricsOf({ capture, primary, stores }: SyncStatus): MetricFamily[] {
  const measured: Measured[] = [
    ['mindora_sync_pending_records', primary.pending],
    ['mindora_sync_pending_seconds', primary.pendingMs / 1000],
    ['mindora_sync_parked_records', primary.parked],
    ['mindora_sync_captured_records_total', capture.records],
    ...stores.flatMap(measuredOf),
  ];
  return Object.entries(families).map(([name, [type, help]]) => {
    const values = measured.filter(([family]) => family === name);
    const labelled = values.map(([, value, store]) => ({ labels: store === undefined ? {} : { store }, value }));
    return { name, help, type, values: labelled };
  });
}

function measuredOf({ store, healthy, lagBatches, lagMs, parked, applied }: StoreStatus): Measured[] {
  return [
    ['mindora_sync_store_healthy', Number(healthy), store],
    ['mindora_sync_lag_batches', lagBatches, store],
    ['mindora_sync_lag_seconds', lagMs / 1000, store],
    ['mindora_sync_store_parked_records', parked, store],
    ['mindora_sync_applied_records_total', applied.records, store],
    ['mindora_sync_refused_records_total', applied.refused, store],
    ['mindora_sync_reconciles_total', applied.reconciles, store],
  ];
}
