import { afterEach, beforeEach } from '@jest/globals';
import type { EventBus } from '@mindora/bus';
import { type TemporaryDirectory, temporaryDirectory } from '../temporary.ts';
import { type BusCapabilities, type BusDriver, type BusOpening, consumers, partitions } from './driver.ts';

/** What each case gets: a log of its own, and its buses closed afterwards. */
export interface BusContext {
  readonly driver: BusDriver;
  readonly capabilities: BusCapabilities;
  location(): string;
  open(opening?: Partial<BusOpening>): Promise<EventBus>;
}

export interface BusCase {
  readonly name: string;
  readonly run: (context: BusContext) => Promise<void>;
}

/** Makes the context of a describe block. */
export function busContext(driver: BusDriver, capabilities: BusCapabilities): BusContext {
  let directory: TemporaryDirectory;
  const opened: EventBus[] = [];
  beforeEach(async () => {
    directory = await temporaryDirectory();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((bus) => bus.close()));
    await driver.lose(directory.file('log'));
    await directory.remove();
  });
  return {
    driver,
    capabilities,
    location: () => directory.file('log'),
    async open(opening = {}) {
      const bus = await driver.open(directory.file('log'), { consumers, partitions, ...opening });
      opened.push(bus);
      return bus;
    },
  };
}
