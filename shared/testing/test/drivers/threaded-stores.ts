import { systemClock, systemRandom, Thread } from '@mindora/runtime';
import type { Target } from '@mindora/stores';
import { connectStore, storeThreadModule } from '@mindora/stores/create';
import type { TargetDriver } from '../../src/target/driver.ts';
import { sampleDimensions } from '../../src/target/sample.ts';
import { driver as embedded } from './embedded-stores.ts';

/** The same engines behind a thread, as a running version has them (rule 5). Closing ends the thread. */
export const driver: TargetDriver = {
  ...embedded,
  module: new URL(import.meta.url),
  async open(role, directory) {
    const data = { role, directory, dimensions: sampleDimensions };
    const thread = await Thread.start({ name: role, module: storeThreadModule, data });
    const store: Target = await connectStore(role, thread, { clock: systemClock(), random: systemRandom() });
    return new Proxy(store, {
      get: (target, property) => (property === 'close' ? () => thread.stop() : target[property as keyof Target]),
    });
  },
};
