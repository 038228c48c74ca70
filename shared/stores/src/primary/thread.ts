/** The primary's thread: start it with `Thread.start({ module: primaryThread, data: location })`. */
import { runThread } from '@mindora/runtime';
import type { PrimaryService } from './client.ts';
import { openPrimary } from './engine.ts';
import type { PrimaryLocation } from './location.ts';
import { migrateSoon } from './migrate-soon.ts';

await runThread<PrimaryLocation>(async (location) => {
  const primary = await openPrimary(location);
  const stop = await migrateSoon(primary, location);
  const { records, ledger, migrate, health, weakSettings, nextMarks } = primary;
  const { onPending: _, ...calls } = ledger;
  const service: PrimaryService = { ...records, ...calls, migrate, health, weakSettings, nextMarks };
  return {
    service,
    async close() {
      await stop();
      await primary.close();
    },
  };
});
