/** Runs in a thread: one store, served to the threads that call it (rule 5). */
import { runThread, systemClock, systemRandom } from '@mindora/runtime';
import type { StoreThreadData } from './create.ts';
import { openReopening } from './reopening.ts';

await runThread<StoreThreadData>((data) =>
  openReopening(data.role, data, { clock: systemClock(), random: systemRandom() }),
);
