import { expect } from '@jest/globals';
import type { Delivery, EventBus, OutgoingBatch } from '@mindora/bus';
import { batchBytesMax, batchChangesMax } from '@mindora/contracts';
import { until } from '../until.ts';
import type { BusCase, BusContext } from './context.ts';
import { batchOf, type Collector, changeOf, collect, consumers, drained, idsOf, numbersOf } from './driver.ts';

const [relational] = consumers;

/** A consumer that takes what waits together. Its first delivery is the first batch alone, and holds up the others. */
async function heldUp(context: BusContext, ids: readonly string[], batchesMax = 4) {
  const bus = await context.open();
  const gate = Promise.withResolvers<void>();
  const collector = collect(bus, relational, 0, () => gate.promise, { batchesMax });
  await bus.publish([batchOf(0, 'first')]);
  await collector.count(1);
  await bus.publish(ids.map((id) => batchOf(0, id)));
  return { bus, collector, release: gate.resolve };
}

function arrived(collector: Collector, id: string): Promise<unknown> {
  return until(() => idsOf(collector.deliveries).includes(id), 30_000, `${id} arrived`);
}

/** Of six batches, each with 0.4 of what one may have, at most two go together. */
async function expectPairs(bus: EventBus, batches: readonly OutgoingBatch[], last: string): Promise<void> {
  await bus.publish(batches);
  const collector = collect(bus, relational, 0, undefined, { batchesMax: 6 });
  await arrived(collector, last);
  expect(numbersOf(collector.deliveries)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(Math.max(...collector.deliveries.map(batchesOf))).toBeLessThan(3);
}

const batchesOf = ({ first, n }: Delivery): number => n - first + 1;

/** Batches that are handed over as one. */
export const groupCases: readonly BusCase[] = [
  {
    name: 'hands over as one what waits, where it is asked to: in order, without a hole, so many at most',
    async run(context) {
      const ids = Array.from({ length: 30 }, (_, i) => `c${i}`);
      const { bus, collector, release } = await heldUp(context, ids);
      release();
      await arrived(collector, 'c29');
      await drained(bus, relational, 0);
      const { deliveries } = collector;
      expect(idsOf(deliveries)).toEqual(['first', ...ids]);
      expect(numbersOf(deliveries)).toEqual(Array.from({ length: 31 }, (_, i) => i + 1));
      const most = Math.max(...deliveries.map(batchesOf));
      expect(most).toBeGreaterThan(1);
      expect(most).toBeLessThanOrEqual(4);
      expect(deliveries.length).toBeLessThan(25);
    },
  },

  {
    name: 'hands over together no more bytes than one batch may have',
    async run(context) {
      const large = 'x'.repeat(batchBytesMax * 0.4);
      const bus = await context.open();
      const batches = Array.from({ length: 6 }, (_, i) => batchOf(0, `c${i}`, large));
      await expectPairs(bus, batches, 'c5');
    },
  },

  {
    name: 'hands over together no more changes than one batch may have',
    async run(context) {
      const bus = await context.open();
      const batches = Array.from({ length: 6 }, (_, batch) => {
        const changes = Array.from({ length: batchChangesMax * 0.4 }, (_, i) => changeOf(`c${batch}-${i}`));
        return { partition: 0, changes };
      });
      await expectPairs(bus, batches, 'c5-0');
    },
  },

  {
    name: 'a delivery of several that failed comes again batch by batch, as do those behind it',
    async run(context) {
      const bus = await context.open();
      const ids = Array.from({ length: 12 }, (_, i) => `c${i}`);
      const gate = Promise.withResolvers<void>();
      let failed = false;
      const handle = async ({ first, n }: Delivery): Promise<void> => {
        if (first === 1) await gate.promise;
        if (failed || n === first) return;
        failed = true;
        throw new Error('the store fails');
      };
      const collector = collect(bus, relational, 0, handle, { batchesMax: 4 });
      await bus.publish([batchOf(0, 'first')]);
      await collector.count(1);
      await bus.publish(ids.map((id) => batchOf(0, id)));
      gate.resolve();
      await arrived(collector, 'c11');
      const at = collector.deliveries.findIndex((delivery) => batchesOf(delivery) > 1);
      const again = collector.deliveries.slice(at + 1);
      expect(again.slice(0, 4).map(batchesOf)).toEqual([1, 1, 1, 1]);
      expect(again[0]).toMatchObject({ first: collector.deliveries[at]?.first, deliveries: 2 });
      expect(new Set(idsOf(collector.deliveries))).toEqual(new Set(['first', ...ids]));
    },
  },

  {
    name: 'what a delivery of several left unsaid when its consumer ended comes again, in order',
    async run(context) {
      const ids = Array.from({ length: 12 }, (_, i) => `c${i}`);
      const { bus, collector, release } = await heldUp(context, ids);
      const stopping = collector.stop();
      release();
      await stopping;
      const next = collect(bus, relational, 0, undefined, { batchesMax: 4 });
      await arrived(next, 'c11');
      expect(numbersOf(collector.deliveries)).toEqual([1]);
      expect(idsOf(next.deliveries)).toEqual(ids);
      expect(numbersOf(next.deliveries)).toEqual(ids.map((_, i) => i + 2));
    },
  },
];
