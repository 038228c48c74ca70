/** Runs in a thread: one store, served to the threads that call it (rule 5). */
import { runThread, systemClock, systemRandom } from '@mindora/runtime';
import type { StoreThreadData } from './create.ts';

await runThread<StoreThreadData>(async (data) => {
  const ports = { clock: systemClock(), random: systemRandom() };
  if (data.connection === undefined) {
    const { openReopening } = await import('./reopening.ts');
    return openReopening(data.role, data, ports);
  }
  const { openConnected } = await import('./connected.ts');
  return openConnected(data.role, data, ports);
});
