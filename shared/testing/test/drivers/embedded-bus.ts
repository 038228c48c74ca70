import { rm } from 'node:fs/promises';
import { openEmbeddedBus } from '@mindora/bus';
import { systemClock, systemRandom } from '@mindora/runtime';
import type { BusDriver } from '../../src/bus/driver.ts';

export const driver: BusDriver = {
  module: new URL(import.meta.url),
  open: (location, opening) =>
    openEmbeddedBus({ file: location, clock: systemClock(), random: systemRandom(), ...opening }),
  async lose(location) {
    for (const suffix of ['', '-wal', '-shm']) await rm(location + suffix, { force: true });
  },
};
