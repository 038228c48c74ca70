import { setTimeout as pause } from 'node:timers/promises';
import type { Role } from '@mindora/contracts';
import { MindoraClient, ProblemError } from '@mindora/sdk';
import type { SyncStatus } from '@mindora/sync';
import type { RunningVersion } from '../../support/version.ts';

const everyMs = 500;
const answerMs = 20_000;

/** What the version told of itself while it was watched. */
export interface Seen {
  /** Longest age of what a part lacked, by `status` and by `/metrics`. */
  statusLagMs: number;
  metricsLagMs: number;
  /** Slowest answers of the two. */
  statusMs: number;
  metricsMs: number;
  /** It said that a watched part was not healthy. */
  isTold: boolean;
  /** Largest memory of its process. */
  memoryMb: number;
}

/** Parts that an outage touches: stores, and what all of them stand on. */
export interface Watched {
  readonly roles: readonly Role[];
  /** The bus or the primary: what waits for it is pending in the ledger. */
  readonly pending: boolean;
}

/** The answer of `status`. */
export async function statusOf({ url, adminKey: apiKey }: RunningVersion): Promise<SyncStatus> {
  const client = new MindoraClient({ url, apiKey, attempts: 1, timeoutMs: answerMs });
  return (await client.call('sync.status', {})).sync as SyncStatus;
}

/** Asks `status` and `/metrics` again and again, until it is stopped. */
export class Watch {
  readonly seen: Seen = { statusLagMs: 0, metricsLagMs: 0, statusMs: 0, metricsMs: 0, isTold: false, memoryMb: 0 };
  readonly #version: () => RunningVersion;
  readonly #watched: Watched;
  readonly #done: Promise<unknown>;
  #isStopped = false;

  constructor(version: () => RunningVersion, watched: Watched) {
    this.#version = version;
    this.#watched = watched;
    this.#done = Promise.all([this.#repeat(() => this.#status()), this.#repeat(() => this.#metrics())]);
    this.#done.catch(() => undefined);
  }

  /** @throws Error where one of the two did not answer */
  async stop(): Promise<Seen> {
    this.#isStopped = true;
    await this.#done;
    return this.seen;
  }

  async #repeat(look: () => Promise<void>): Promise<void> {
    while (!this.#isStopped) {
      await look();
      await pause(everyMs);
    }
  }

  async #status(): Promise<void> {
    const began = performance.now();
    const status = await statusOf(this.#version()).catch(refusedBy);
    const { seen } = this;
    seen.statusMs = Math.max(seen.statusMs, performance.now() - began);
    const { roles, pending } = this.#watched;
    if (status === null) {
      if (!pending) throw new Error('status was refused although the primary is there');
      seen.isTold = true;
      return;
    }
    const stores = status.stores.filter(({ store }) => roles.includes(store));
    const lags = [...stores.map(({ lagMs }) => lagMs), pending ? status.primary.pendingMs : 0];
    seen.statusLagMs = Math.max(seen.statusLagMs, ...lags);
    const isBaseAway = status.primary.lastError !== null || status.bus.lastError !== null;
    seen.isTold ||= stores.some(({ healthy }) => !healthy) || (pending && isBaseAway);
  }

  async #metrics(): Promise<void> {
    const { url, adminKey } = this.#version();
    const began = performance.now();
    const headers = { authorization: `Bearer ${adminKey}` };
    const response = await fetch(`${url}/metrics`, { headers, signal: AbortSignal.timeout(answerMs) });
    const text = await response.text();
    const { seen } = this;
    seen.metricsMs = Math.max(seen.metricsMs, performance.now() - began);
    const { roles, pending } = this.#watched;
    const lags = roles.map((role) => measured(text, 'mindora_sync_lag_seconds', `store="${role}"`));
    if (pending) lags.push(measured(text, 'mindora_sync_pending_seconds', ''));
    seen.metricsLagMs = Math.max(seen.metricsLagMs, ...lags.map((seconds) => seconds * 1000));
    seen.memoryMb = Math.max(seen.memoryMb, measured(text, 'process_resident_memory_bytes', '') / 1024 ** 2);
  }
}

/** A version that was started without its primary knows nobody yet, and says just that. */
function refusedBy(error: unknown): null {
  if (error instanceof ProblemError && error.code === 'store_unavailable' && error.requestId !== null) return null;
  throw error;
}

/** Of one line of Prometheus' text format; 0 where there is none. */
function measured(text: string, name: string, label: string): number {
  const line = text.split('\n').find((each) => each.startsWith(name) && each.includes(label));
  return Number(line?.slice(line.lastIndexOf(' ') + 1) ?? 0);
}
