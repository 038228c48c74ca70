/** The primary's thread: start it with `Thread.start({ module: primaryThread, data: { file } })`. */
import { runThread } from '@mindora/runtime';
import type { PrimaryService } from './client.ts';
import { openPrimary } from './engine.ts';

await runThread<{ file: string }>(async ({ file }) => {
  const primary = await openPrimary({ file });
  await primary.migrate();
  const { records, ledger, migrate, health, nextMarks, close } = primary;
  const { onPending: _, ...calls } = ledger;
  const service: PrimaryService = { ...records, ...calls, migrate, health, nextMarks };
  return { service, close };
});
