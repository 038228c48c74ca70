/** What the thread of sync serves to the others: sync, verify and erasure in one object of asynchronous methods. */
import type { Sync } from './engine.ts';
import type { Operations } from './operations.ts';

/** Sync's own methods, without those that take or give functions, which can't cross threads. */
export type SyncCalls = ReturnType<typeof syncCalls>;

function syncCalls(sync: Sync) {
  return {
    status: () => sync.status(),
    metrics: () => sync.metrics(),
    weakSettings: () => sync.weakSettings(),
    waitFor: (...given: Parameters<Sync['waitFor']>) => sync.waitFor(...given),
    reconciling: async (...given: Parameters<Sync['reconciling']>) => sync.reconciling(...given),
    touch: (...given: Parameters<Sync['touch']>) => sync.touch(...given),
    listParked: (...given: Parameters<Sync['listParked']>) => sync.listParked(...given),
    replayParked: (...given: Parameters<Sync['replayParked']>) => sync.replayParked(...given),
    dropParked: (...given: Parameters<Sync['dropParked']>) => sync.dropParked(...given),
    acceptRefusals: async (...given: Parameters<Sync['acceptRefusals']>) => sync.acceptRefusals(...given),
    pause: (...given: Parameters<Sync['pause']>) => sync.pause(...given),
    resume: async (...given: Parameters<Sync['resume']>) => sync.resume(...given),
    quiesce: (...given: Parameters<Sync['quiesce']>) => sync.quiesce(...given),
    rebuild: (role: Parameters<Sync['rebuild']>[0]) => sync.rebuild(role),
  };
}

/** Composes what is served. Names of the parts don't overlap. */
export function createSyncService(sync: Sync, operations: Operations): SyncCalls & Operations {
  return { ...syncCalls(sync), ...operations };
}
