import { expect } from '@jest/globals';
import { batchBytesMax } from '@mindora/contracts';
import type { BusCase } from './context.ts';
import { batchOf, changeOf, collect, consumers, drained, idsOf, partitions } from './driver.ts';

const [relational, fulltext] = consumers;

/** What the log keeps, how it counts, and how it ends. */
export const logCases: readonly BusCase[] = [
  {
    name: 'tells heads and lag per partition',
    async run(context) {
      const bus = await context.open();
      expect(await bus.heads()).toEqual([0, 0, 0, 0]);
      const before = Date.now();
      await bus.publish([batchOf(2, 'a'), batchOf(2, 'b'), batchOf(3, 'c')]);
      expect(await bus.heads()).toEqual([0, 0, 2, 1]);
      const lag = await bus.lag(relational);
      expect(lag.map(({ partition, head, acknowledged }) => [partition, head, acknowledged])).toEqual([
        [0, 0, 0],
        [1, 0, 0],
        [2, 2, 0],
        [3, 1, 0],
      ]);
      expect(lag[0]?.oldestAt).toBeNull();
      if (context.capabilities.dated) expect(lag[2]?.oldestAt).toBeGreaterThanOrEqual(before - 1000);
      collect(bus, relational, 2);
      await drained(bus, relational, 2);
      expect((await bus.lag(relational))[2]).toEqual({ partition: 2, head: 2, acknowledged: 2, oldestAt: null });
      expect((await bus.lag(fulltext))[2]).toMatchObject({ head: 2, acknowledged: 0 });
    },
  },

  {
    name: 'goes on under another incarnation when it is renewed, with numbers and batches as they were',
    async run(context) {
      const bus = await context.open();
      const before = await bus.incarnation();
      await bus.publish([batchOf(0, 'a')]);
      await bus.renew();
      const after = await bus.incarnation();
      expect(after).not.toBe(before);
      await bus.publish([batchOf(0, 'b')]);
      const { deliveries } = collect(bus, relational, 0);
      await drained(bus, relational, 0);
      expect(deliveries.map(({ incarnation, n }) => [incarnation, n])).toEqual([
        [after, 1],
        [after, 2],
      ]);
    },
  },

  {
    name: 'keeps log, numbers, cursors and incarnation when opened again',
    async run(context) {
      const first = await context.open();
      const incarnation = await first.incarnation();
      const collector = collect(first, relational, 0);
      await first.publish([batchOf(0, 'a'), batchOf(0, 'b')]);
      await collector.count(2);
      await first.publish([batchOf(1, 'x')]);
      await first.close();
      const again = await context.open();
      expect(await again.incarnation()).toBe(incarnation);
      expect(await again.heads()).toEqual([2, 1, 0, 0]);
      await again.publish([batchOf(0, 'c')]);
      expect((await collect(again, relational, 0).count(1)).map(({ n }) => n)).toEqual([3]);
      expect(idsOf(await collect(again, fulltext, 0).count(3))).toEqual(['a', 'b', 'c']);
    },
  },

  {
    name: 'goes on counting after everything was acknowledged and truncated',
    async run(context) {
      const bus = await context.open();
      await bus.publish([batchOf(0, 'a'), batchOf(0, 'b')]);
      for (const consumer of consumers) collect(bus, consumer, 0);
      for (const consumer of consumers) await drained(bus, consumer, 0);
      await bus.close();
      const again = await context.open();
      await again.publish([batchOf(0, 'c')]);
      expect((await collect(again, relational, 0).count(1))[0]).toMatchObject({ n: 3, deliveries: 1 });
    },
  },

  {
    name: 'a lost log comes back empty, with another incarnation and numbers from 1',
    async run(context) {
      const first = await context.open();
      const incarnation = await first.incarnation();
      await first.publish([batchOf(0, 'a'), batchOf(0, 'b')]);
      await first.close();
      await context.driver.lose(context.location());
      const again = await context.open();
      expect(await again.incarnation()).not.toBe(incarnation);
      expect(await again.heads()).toEqual([0, 0, 0, 0]);
      await again.publish([batchOf(0, 'c')]);
      const [delivery] = await collect(again, relational, 0).count(1);
      expect(delivery).toMatchObject({ n: 1, incarnation: await again.incarnation() });
    },
  },

  {
    name: 'a consumer that is added later gets what the log still has',
    async run(context) {
      const first = await context.open({ consumers: [relational] });
      await first.publish([batchOf(0, 'a')]);
      await first.close();
      const again = await context.open();
      const late = collect(again, fulltext, 0);
      if (context.capabilities.replays) {
        expect(idsOf(await late.count(1))).toEqual(['a']);
        return;
      }
      // What it lacks it sees from the lag, as a store whose queue was lost.
      await drained(again, fulltext, 0);
      await again.publish([batchOf(0, 'b')]);
      expect((await late.count(1)).map(({ n }) => n)).toEqual([2]);
    },
  },

  {
    name: 'above its bound the oldest batches go, and the lagging consumer sees the gap',
    async run(context) {
      // A log without a bound of its own has nothing to drop: it keeps all.
      const dropped = context.capabilities.bounded ? 7 : 0;
      const bus = await context.open({ batchesMax: 5 });
      const quick = collect(bus, fulltext, 0);
      for (let i = 1; i <= 12; i++) {
        await bus.publish([batchOf(0, `c${i}`)]);
        await quick.count(i);
      }
      const slow = await collect(bus, relational, 0).count(12 - dropped);
      expect(slow[0]?.n).toBe(dropped + 1);
      expect(slow.at(-1)?.n).toBe(12);
      expect(idsOf(quick.deliveries).length).toBe(12);
    },
  },

  {
    name: 'carries batches of the largest size, and refuses far larger ones',
    async run(context) {
      const bus = await context.open();
      const texts = ['x', 'y', 'z'].map((letter) => letter.repeat(batchBytesMax - 1000));
      const large = texts.map((text, i) => batchOf(0, `c${i}`, text));
      await bus.publish(large);
      const deliveries = await collect(bus, relational, 0).count(3);
      expect(deliveries.map(({ n, changes }) => changes[0]?.row?.text === texts[n - 1])).toEqual([true, true, true]);
      const refused = bus.publish([batchOf(0, 'fits'), batchOf(0, 'much', 'x'.repeat(batchBytesMax * 2))]);
      await expect(refused).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(bus.publish([batchOf(partitions, 'a')])).rejects.toMatchObject({ code: 'invalid_request' });
    },
  },

  {
    name: 'ten thousand batches arrive once each, in order',
    async run(context) {
      const bus = await context.open();
      const collectors = Array.from({ length: partitions }, (_, partition) => collect(bus, relational, partition));
      for (let call = 0; call < 20; call++) {
        await bus.publish(Array.from({ length: 500 }, (_, i) => batchOf(i % partitions, `c${call * 500 + i}`)));
      }
      for (const collector of collectors) {
        const deliveries = await collector.count(2500);
        expect(deliveries.every(({ n }, index) => n === index + 1)).toBe(true);
      }
      expect(new Set(collectors.flatMap(({ deliveries }) => idsOf(deliveries))).size).toBe(10_000);
    },
  },

  {
    name: 'concurrent publishers leave no hole and lose nothing',
    async run(context) {
      const bus = await context.open();
      const publisher = async (name: string) => {
        for (let i = 0; i < 50; i++) await bus.publish([batchOf(0, `${name}${i}`), batchOf(1, `${name}${i}`)]);
      };
      await Promise.all(['a', 'b', 'c', 'd'].map(publisher));
      const deliveries = await collect(bus, relational, 0).count(200);
      expect(deliveries.map(({ n }) => n)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
      for (const name of ['a', 'b', 'c', 'd']) {
        const own = idsOf(deliveries).filter((id) => id.startsWith(name));
        expect(own).toEqual(Array.from({ length: 50 }, (_, i) => `${name}${i}`));
      }
    },
  },

  {
    name: 'publishing nothing is nothing, a batch without changes is a batch',
    async run(context) {
      const bus = await context.open();
      await bus.publish([]);
      expect(await bus.heads()).toEqual([0, 0, 0, 0]);
      await bus.publish([
        { partition: 0, changes: [] },
        { partition: 0, changes: [changeOf('a')] },
      ]);
      const deliveries = await collect(bus, relational, 0).count(2);
      expect(deliveries.map(({ changes }) => changes.length)).toEqual([0, 1]);
    },
  },

  {
    name: 'close may be called twice, waits for handlers, and everything after it is store_unavailable',
    async run(context) {
      const bus = await context.open();
      const gate = Promise.withResolvers<void>();
      const collector = collect(bus, relational, 0, () => gate.promise);
      await bus.publish([batchOf(0, 'a'), batchOf(0, 'b')]);
      await collector.count(1);
      const closing = [bus.close(), bus.close()];
      gate.resolve();
      await Promise.all(closing);
      await bus.close();
      await collector.stop();
      expect(collector.deliveries.length).toBe(1);
      const unavailable = { code: 'store_unavailable' };
      await expect(bus.publish([batchOf(0, 'c')])).rejects.toMatchObject(unavailable);
      await expect(bus.heads()).rejects.toMatchObject(unavailable);
      await expect(bus.lag(relational)).rejects.toMatchObject(unavailable);
      await expect(bus.incarnation()).rejects.toMatchObject(unavailable);
      expect(() => collect(bus, relational, 0)).toThrow(expect.objectContaining(unavailable));
      const again = await context.open();
      expect((await again.lag(relational))[0]).toMatchObject({ head: 2, acknowledged: 1 });
    },
  },
];
