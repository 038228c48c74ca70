import type { ErrorCode } from '@mindora/contracts';
import { type Clock, MindoraError, type Random, toMindoraError } from '@mindora/runtime';
import { Bell } from './bell.ts';

export type JobKind = 'verify' | 'rebuild' | 'erase';

/** How far a job is, for a progress bar. `total` 0: not known yet. */
export interface JobProgress {
  readonly done: number;
  readonly total: number;
  readonly text: string;
}

/** A job as it is shown. */
export interface JobView {
  readonly id: string;
  readonly kind: JobKind;
  readonly state: 'running' | 'done' | 'failed';
  readonly startedAt: number;
  readonly progress: JobProgress | null;
  readonly result: object | null;
  readonly problem: { readonly code: ErrorCode; readonly detail: string } | null;
}

export interface Jobs {
  /** @throws MindoraError `overloaded` where too many run */
  start(kind: JobKind, run: (onProgress: (progress: JobProgress) => void) => Promise<object>): JobView;
  /** Answers when the job has ended, or after `waitMs`. @throws MindoraError `not_found` */
  get(id: string, waitMs: number): Promise<JobView>;
  /** Resolves when none runs any more, or after `waitMs`. */
  drain(waitMs: number): Promise<void>;
}

const runningMax = 4;
/** Ended jobs are remembered up to this many; the oldest go first. */
const rememberedMax = 100;

/** Long work that is started, asked about and remembered for a while (decision 007). */
export function createJobs(ports: { clock: Clock; random: Random }): Jobs {
  const jobs = new Map<string, JobView>();
  const ended = new Bell();
  const running = (): number => [...jobs.values()].filter((job) => job.state === 'running').length;
  const change = (id: string, part: Partial<JobView>): void => {
    const job = jobs.get(id);
    if (job !== undefined) jobs.set(id, { ...job, ...part });
  };

  const untilEnded = async (pending: () => boolean, waitMs: number): Promise<void> => {
    const deadline = ports.clock.now() + waitMs;
    while (pending() && ports.clock.now() < deadline) {
      await ended.wait(ports.clock, deadline - ports.clock.now());
    }
  };

  return {
    start(kind, run) {
      if (running() >= runningMax) throw new MindoraError('overloaded', `${runningMax} jobs are running already`);
      const id = ports.random.id();
      const job: JobView = {
        id,
        kind,
        state: 'running',
        startedAt: ports.clock.now(),
        progress: null,
        result: null,
        problem: null,
      };
      forgetOldest(jobs);
      jobs.set(id, job);
      void run((progress) => change(id, { progress }))
        .then((result) => change(id, { state: 'done', result }))
        .catch((thrown: unknown) => {
          const { code, message } = toMindoraError(thrown);
          change(id, { state: 'failed', problem: { code, detail: message } });
        })
        .finally(() => ended.ring());
      return job;
    },
    async get(id, waitMs) {
      if (!jobs.has(id)) throw new MindoraError('not_found', `no job ${id.slice(0, 100)}`);
      await untilEnded(() => jobs.get(id)?.state === 'running', waitMs);
      return jobs.get(id) as JobView;
    },
    drain: (waitMs) => untilEnded(() => running() > 0, waitMs),
  };
}

function forgetOldest(jobs: Map<string, JobView>): void {
  for (const [id, job] of jobs) {
    if (jobs.size < rememberedMax) return;
    if (job.state !== 'running') jobs.delete(id);
  }
}
