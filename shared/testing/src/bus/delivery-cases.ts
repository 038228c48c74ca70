import { expect } from '@jest/globals';
import type { Json } from '@mindora/contracts';
import { until } from '../until.ts';
import type { BusCase } from './context.ts';
import { batchOf, changeOf, collect, consumers, drained, idsOf } from './driver.ts';

const [relational, fulltext] = consumers;

/** What a handler gets, in which order, and what its end means. */
export const deliveryCases: readonly BusCase[] = [
  {
    name: 'delivers in order of publishing within a partition, numbered from 1 without holes',
    async run(context) {
      const bus = await context.open();
      const collector = collect(bus, relational, 1);
      await bus.publish([batchOf(1, 'a'), batchOf(2, 'x'), batchOf(1, 'b')]);
      await bus.publish([batchOf(1, 'c')]);
      const deliveries = await collector.count(3);
      expect(idsOf(deliveries)).toEqual(['a', 'b', 'c']);
      expect(deliveries.map(({ n }) => n)).toEqual([1, 2, 3]);
      expect(deliveries.map(({ partition }) => partition)).toEqual([1, 1, 1]);
      expect(deliveries.map((delivery) => delivery.deliveries)).toEqual([1, 1, 1]);
      expect(new Set(deliveries.map(({ incarnation }) => incarnation))).toEqual(new Set([await bus.incarnation()]));
    },
  },

  {
    name: 'delivers what was published before anyone consumed',
    async run(context) {
      const bus = await context.open();
      await bus.publish([batchOf(0, 'early')]);
      expect(idsOf(await collect(bus, relational, 0).count(1))).toEqual(['early']);
    },
  },

  {
    name: 'has one batch in flight per consumer and partition',
    async run(context) {
      const bus = await context.open();
      let running = 0;
      let runningMax = 0;
      const collector = collect(bus, relational, 0, async () => {
        running += 1;
        runningMax = Math.max(runningMax, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
      });
      await Promise.all(Array.from({ length: 50 }, (_, i) => bus.publish([batchOf(0, `c${i}`)])));
      await collector.count(50);
      expect(runningMax).toBe(1);
    },
  },

  {
    name: 'acknowledges when the handler has returned, not before',
    async run(context) {
      const bus = await context.open();
      const gate = Promise.withResolvers<void>();
      const collector = collect(bus, relational, 0, () => gate.promise);
      await bus.publish([batchOf(0, 'a')]);
      await collector.count(1);
      expect((await bus.lag(relational))[0]?.acknowledged).toBe(0);
      gate.resolve();
      await drained(bus, relational, 0);
      expect((await bus.lag(relational))[0]?.acknowledged).toBe(1);
    },
  },

  {
    name: 'hands a batch over again when its handler rejected, before any later one',
    async run(context) {
      const bus = await context.open();
      let failures = 0;
      const collector = collect(bus, relational, 0, async ({ n }) => {
        if (n === 1 && failures++ < 2) throw new Error('the store is away');
      });
      await bus.publish([batchOf(0, 'a'), batchOf(0, 'b')]);
      const deliveries = await collector.count(4);
      expect(idsOf(deliveries)).toEqual(['a', 'a', 'a', 'b']);
      expect(deliveries.map((delivery) => delivery.deliveries)).toEqual([1, 2, 3, 1]);
    },
  },

  {
    name: 'serves consumers independently of each other',
    async run(context) {
      const bus = await context.open();
      const first = collect(bus, relational, 0);
      await bus.publish([batchOf(0, 'a'), batchOf(0, 'b')]);
      await first.count(2);
      await drained(bus, relational, 0);
      expect((await bus.lag(fulltext))[0]?.acknowledged).toBe(0);
      expect(idsOf(await collect(bus, fulltext, 0).count(2))).toEqual(['a', 'b']);
    },
  },

  {
    name: 'a consumer that is stuck holds neither another consumer nor its own other partitions',
    async run(context) {
      const bus = await context.open();
      const gate = Promise.withResolvers<void>();
      const stuck = collect(bus, relational, 0, () => gate.promise);
      const others = [collect(bus, relational, 1), collect(bus, fulltext, 0), collect(bus, fulltext, 1)];
      for (let i = 0; i < 20; i++) await bus.publish([batchOf(0, `a${i}`), batchOf(1, `b${i}`)]);
      for (const other of others) await other.count(20);
      expect(stuck.deliveries.length).toBe(1);
      gate.resolve();
      await stuck.count(20);
    },
  },

  {
    name: 'stop waits for the handler that runs, whose batch counts as done',
    async run(context) {
      const bus = await context.open();
      const gate = Promise.withResolvers<void>();
      const collector = collect(bus, relational, 0, () => gate.promise);
      await bus.publish([batchOf(0, 'a'), batchOf(0, 'b')]);
      await collector.count(1);
      let stopped = false;
      const stopping = collector.stop().then(() => {
        stopped = true;
      });
      await bus.heads();
      expect(stopped).toBe(false);
      gate.resolve();
      await stopping;
      await collector.stop();
      expect(collector.deliveries.length).toBe(1);
      // A server counts what waits a moment after it took the acknowledgement.
      await until(async () => (await bus.lag(relational))[0]?.acknowledged === 1, 30_000, 'it counts as done');
      expect(idsOf(await collect(bus, relational, 0).count(1))).toEqual(['b']);
    },
  },

  {
    name: 'stop ends the pause after a failure at once',
    async run(context) {
      const bus = await context.open();
      const collector = collect(bus, relational, 0, async () => {
        throw new Error('the store is away');
      });
      await bus.publish([batchOf(0, 'a')]);
      await collector.count(6);
      const startedAt = performance.now();
      await collector.stop();
      // The sixth pause alone is at least 1.6 s long.
      expect(performance.now() - startedAt).toBeLessThan(1000);
    },
  },

  {
    name: 'carries all of Unicode, nested JSON and a lone surrogate unchanged',
    async run(context) {
      const bus = await context.open();
      const text = 'é e\u0301 中文 😀 \u0000 \ue000 \u202e \ud800 \u{10ffff} " \\ \n \u2028';
      const nested = JSON.parse('{"__proto__":{"a":[null,1.5,true,"9007199254740993"]},"a.b":{},"$x":[]}') as Json;
      const row = { text, context: nested };
      const change = { ...changeOf('ключ-😀'), row, stores: ['graph' as const] };
      await bus.publish([{ partition: 3, changes: [change, { ...change, state: 'deleted', row: null, version: 2 }] }]);
      const [delivery] = await collect(bus, relational, 3).count(1);
      expect(JSON.stringify(delivery?.changes)).toBe(
        JSON.stringify([change, { ...change, state: 'deleted', row: null, version: 2 }]),
      );
    },
  },

  {
    name: 'a second handler for the same partition of a consumer is refused',
    async run(context) {
      const bus = await context.open();
      const collector = collect(bus, relational, 0);
      expect(() => collect(bus, relational, 0)).toThrow(expect.objectContaining({ code: 'conflict' }));
      await collector.stop();
      await bus.publish([batchOf(0, 'a')]);
      expect(idsOf(await collect(bus, relational, 0).count(1))).toEqual(['a']);
    },
  },
];
