import { expect } from '@jest/globals';
import { startChild } from '../child.ts';
import type { BusCase, BusContext } from './context.ts';
import { batchOf, collect, consumers, idsOf } from './driver.ts';

const [relational, fulltext] = consumers;
const program = new URL('./child.ts', import.meta.url);

/** A child loads all modules, connects, and waits for a batch whose holder died; on a busy machine this takes its time. */
const childMsMax = 60_000;

interface Seen {
  readonly n: number;
  readonly deliveries: number;
}

function start<M>(context: BusContext, task: 'publish' | 'consume') {
  return startChild<M>(program, [context.driver.module.href, context.location(), task]);
}

/** What a SIGKILL may cost: nothing that was confirmed. */
export const crashCases: readonly BusCase[] = [
  {
    name: 'a batch in flight when the process was killed is delivered again, and its deliveries count up',
    async run(context) {
      const bus = await context.open();
      await bus.publish([batchOf(0, 'good'), batchOf(0, 'fatal'), batchOf(0, 'after')]);
      await bus.close();
      for (const deliveries of [1, 2]) {
        const child = start<Seen>(context, 'consume');
        await child.message((seen) => seen.n === 2 && seen.deliveries === deliveries, childMsMax);
        await child.kill();
        // What was acknowledged before the crash isn't delivered again.
        expect(child.messages.some((seen) => seen.n === 1)).toBe(deliveries === 1);
      }
      const again = await context.open();
      const deliveries = await collect(again, relational, 0).count(2);
      expect(idsOf(deliveries)).toEqual(['fatal', 'after']);
      expect(deliveries.map((delivery) => delivery.deliveries)).toEqual([3, 1]);
      expect((await collect(again, fulltext, 0).count(3)).map((delivery) => delivery.deliveries)).toEqual([1, 1, 1]);
    },
  },

  {
    name: 'no confirmed publish is lost when the publisher is killed, at any moment',
    async run(context) {
      let confirmed = 0;
      let published = 0;
      for (let round = 1; round <= 4; round++) {
        const child = start<number>(context, 'publish');
        await child.message((count) => count >= round * 7, childMsMax);
        await child.kill();
        confirmed += child.messages.length;
        const bus = await context.open();
        const [first = 0, second = 0] = await bus.heads();
        // One publish call may have been durable before its confirmation was seen.
        expect(first).toBeGreaterThanOrEqual(confirmed);
        published = first;
        if (context.capabilities.atomic) expect(second).toBe(first);
        expect(second).toBeGreaterThanOrEqual(confirmed);
        await bus.close();
        confirmed = Math.min(first, second);
      }
      const bus = await context.open();
      const deliveries = await collect(bus, relational, 0).count(published);
      expect(deliveries.map(({ n }) => n)).toEqual(Array.from({ length: published }, (_, i) => i + 1));
    },
  },
];
