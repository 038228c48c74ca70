/** Work that takes long, as jobs (decision 007): verify with repair, rebuild, erasure. */
import type { ErasureCertificate, Role, VerifyProgress, VerifyReport } from '@mindora/contracts';
import type { Logger } from '@mindora/runtime';
import type { Sync } from './engine.ts';
import { type EraseParts, type EraseProgress, erase, resumeErasures } from './erasure/index.ts';
import type { JobProgress, Jobs, JobView } from './jobs.ts';
import { type VerifyOptions, verify } from './verify/index.ts';
import { type ScheduledVerify, scheduleVerify } from './verify/schedule.ts';

export type VerifyRequest = Omit<VerifyOptions, 'signal' | 'differencesMax'>;

export interface Operations {
  startVerify(request: VerifyRequest): Promise<JobView>;
  startRebuild(role: Role): Promise<JobView>;
  startErase(userId: string): Promise<JobView>;
  /** Answers when the user is erased. */
  eraseNow(userId: string): Promise<ErasureCertificate>;
  job(id: string, waitMs: number): Promise<JobView>;
  /** The newest report, scheduled or asked for; null before the first. */
  lastReport(): Promise<VerifyReport | null>;
}

export interface OperationsOptions {
  readonly sync: Sync;
  readonly parts: EraseParts;
  readonly jobs: Jobs;
  readonly log: Logger;
  /** Pause between scheduled checks with repair; 0: none. */
  readonly verifyEveryMs: number;
}

const eraseWaitMs = 60_000;
const scheduledWaitMs = 60_000;
const drainMs = 5000;

/** What operators ask of sync. `close` breaks off what runs; an erasure goes on at the next start. */
export function createOperations(options: OperationsOptions): { operations: Operations; close(): Promise<void> } {
  const { sync, parts, jobs, verifyEveryMs, log } = options;
  const broken = new AbortController();
  const scheduled = verifyEveryMs > 0 ? schedule(options) : null;
  let asked: VerifyReport | null = null;
  const erasing = { waitMs: eraseWaitMs, signal: broken.signal };
  const operations: Operations = {
    async startVerify(request) {
      return jobs.start('verify', async (onProgress) => {
        const progress = verifyProgress(onProgress);
        asked = await verify(parts, { ...request, signal: broken.signal }, progress);
        return asked;
      });
    },
    async startRebuild(role) {
      return jobs.start('rebuild', async (onProgress) => {
        const { records: total } = await parts.ledger.statistics();
        const began = parts.clock.now();
        const { compared } = await sync.rebuild(role, (done) => onProgress({ done, total, text: role }));
        return { store: role, records: compared, took_ms: parts.clock.now() - began };
      });
    },
    async startErase(userId) {
      return jobs.start('erase', (onProgress) => erase(parts, userId, erasing, eraseProgress(onProgress)));
    },
    eraseNow: (userId) => erase(parts, userId, erasing),
    job: (id, waitMs) => jobs.get(id, waitMs),
    lastReport: async () => newest(asked, scheduled?.last() ?? null),
  };
  // What a crash broke off is finished; until then the users' writes stay refused, so nothing depends on when.
  const resumed = resumeErasures(parts, erasing).catch((error: Error) => {
    if (!broken.signal.aborted) log.error({ error: error.message }, 'an erasure could not be finished');
  });
  const close = async (): Promise<void> => {
    broken.abort();
    await Promise.all([scheduled?.stop(), resumed, jobs.drain(drainMs)]);
  };
  return { operations, close };
}

function schedule({ parts, verifyEveryMs, log }: OperationsOptions): ScheduledVerify {
  return scheduleVerify(parts, { everyMs: verifyEveryMs, repair: true, waitMs: scheduledWaitMs, log });
}

function newest(one: VerifyReport | null, other: VerifyReport | null): VerifyReport | null {
  if (one === null || other === null) return one ?? other;
  return one.started_at > other.started_at ? one : other;
}

/** Each store tells its own count; a bar shows their sum. */
function verifyProgress(onProgress: (progress: JobProgress) => void): (progress: VerifyProgress) => void {
  const stores = new Map<Role, VerifyProgress>();
  return (progress) => {
    stores.set(progress.store, progress);
    const done = [...stores.values()].reduce((sum, { checked }) => sum + checked, 0);
    const total = [...stores.values()].reduce((sum, store) => sum + Math.max(store.total, store.checked), 0);
    onProgress({ done, total, text: `${progress.store} ${progress.entity}` });
  };
}

const eraseSteps: readonly EraseProgress['step'][] = ['delete', 'apply', 'scrub', 'check'];

function eraseProgress(onProgress: (progress: JobProgress) => void): (progress: EraseProgress) => void {
  return ({ step, store }) => {
    const text = store === null ? step : `${step} ${store}`;
    onProgress({ done: eraseSteps.indexOf(step), total: eraseSteps.length, text });
  };
}
