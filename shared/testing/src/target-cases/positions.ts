import { expect } from '@jest/globals';
import type { StorePosition } from '@mindora/stores';
import type { TargetCase } from '../target/context.ts';
import { poison } from './batches.ts';

function sorted(positions: readonly StorePosition[]): StorePosition[] {
  return [...positions].sort((a, b) => a.partition - b.partition);
}

const at = (partition: number, n: number, incarnation = 'bus-1'): StorePosition => ({ incarnation, partition, n });

/** Where the store stands in the log (rule 8), and its label. */
export const positionCases: readonly TargetCase[] = [
  {
    name: 'a new store has no position and no label',
    async run(c) {
      expect(await c.store.positions()).toEqual([]);
      expect(await c.store.label()).toBeNull();
    },
  },
  {
    name: 'a position is kept with its batch, one for each partition',
    async run(c) {
      await c.store.apply({ items: [c.item('a')], positions: [at(0, 1)] });
      await c.store.apply({ items: [c.item('b')], positions: [at(3, 9)] });
      await c.store.apply({ items: [c.item('c')], positions: [at(0, 2)] });
      expect(sorted(await c.store.positions())).toEqual([at(0, 2), at(3, 9)]);
    },
  },
  {
    name: 'batches of several partitions are kept with a position of each',
    async run(c) {
      await c.store.apply({ items: [], positions: [at(2, 1), at(1, 7)] });
      await c.store.apply({ items: [c.item('a'), c.item('b')], positions: [at(3, 2), at(1, 8), at(0, 4)] });
      expect(sorted(await c.store.positions())).toEqual([at(0, 4), at(1, 8), at(2, 1), at(3, 2)]);
      await c.expectHeld(c.item('a'));
      await c.expectHeld(c.item('b'));
    },
  },
  {
    name: 'a batch without items moves the position, one without position does not',
    async run(c) {
      await c.store.apply({ items: [], positions: [at(1, 5)] });
      await c.store.apply({ items: [c.item('a')], positions: [] });
      expect(await c.store.positions()).toEqual([at(1, 5)]);
    },
  },
  {
    name: 'another incarnation replaces the position, though its number is lower',
    async run(c) {
      await c.store.apply({ items: [], positions: [at(0, 500)] });
      await c.store.apply({ items: [], positions: [at(0, 1, 'bus-2')] });
      expect(await c.store.positions()).toEqual([at(0, 1, 'bus-2')]);
    },
  },
  {
    name: 'stale and refused items move the position too',
    async run(c) {
      await c.put(c.item('a', 5));
      const items = c.facts.checksTypes ? [c.item('a', 4), poison(c, 'bad')] : [c.item('a', 4)];
      await c.store.apply({ items, positions: [at(2, 7)] });
      expect(await c.store.positions()).toEqual([at(2, 7)]);
    },
  },
  {
    name: 'positions are set without applying, back as well as forth',
    async run(c) {
      await c.store.apply({ items: [c.item('a')], positions: [at(0, 8)] });
      await c.store.setPositions([at(0, 3, 'bus-2'), at(1, 4, 'bus-2')]);
      expect(sorted(await c.store.positions())).toEqual([at(0, 3, 'bus-2'), at(1, 4, 'bus-2')]);
      expect(await c.scannedIds()).toEqual(['a']);
    },
  },
  {
    name: 'a label is kept and replaced',
    async run(c) {
      await c.store.setLabel('projection 1');
      expect(await c.store.label()).toBe('projection 1');
      await c.store.setLabel('проекция 2 😀');
      expect(await c.store.label()).toBe('проекция 2 😀');
    },
  },
];
