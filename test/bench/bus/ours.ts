import { type BusSettings, openBus } from '@mindora/bus';
import { systemClock, systemRandom } from '@mindora/runtime';
import { consumer, type OpenLane, partitions } from './lane.ts';

/** Our bus; settings anew for each lane, so that each has a log of its own. */
export function ourLane(newSettings: () => BusSettings): OpenLane {
  return async ({ changes }, arrived) => {
    const options = { partitions, consumers: [consumer], clock: systemClock(), random: systemRandom() };
    const bus = await openBus(newSettings(), options);
    for (let partition = 0; partition < partitions; partition++) {
      bus.consume(consumer, partition, async () => arrived());
    }
    await bus.heads();
    const batches = Array.from({ length: partitions }, (_, partition) => ({ partition, changes }));
    return { publish: () => bus.publish(batches), close: () => bus.close() };
  };
}
