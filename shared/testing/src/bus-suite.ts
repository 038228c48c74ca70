import { describe, test } from '@jest/globals';
import { busContext } from './bus/context.ts';
import { crashCases } from './bus/crash-cases.ts';
import { deliveryCases } from './bus/delivery-cases.ts';
import type { BusCapabilities, BusDriver } from './bus/driver.ts';
import { groupCases } from './bus/group-cases.ts';
import { logCases } from './bus/log-cases.ts';

export type { BusCapabilities, BusDriver, BusOpening } from './bus/driver.ts';

/** Holds an engine of the event bus to its port (architecture, section 4; rules 7-9). */
export function testBus(name: string, driver: BusDriver, capabilities: BusCapabilities): void {
  describe(`bus: ${name}`, () => {
    const context = busContext(driver, capabilities);
    for (const { name: caseName, run } of [...deliveryCases, ...groupCases, ...logCases, ...crashCases]) {
      test(caseName, () => run(context));
    }
  });
}
