import { expect } from '@jest/globals';
import { entitiesOf } from '@mindora/contracts';
import type { TargetCase } from '../target/context.ts';

/** Applying is idempotent and guarded by version (rule 10). */
export const versionCases: readonly TargetCase[] = [
  {
    name: 'a record is held as it was written, of every entity',
    async run(c) {
      for (const entity of entitiesOf(c.role)) {
        const item = c.item('owner-1', 3, {}, entity);
        await c.put(item);
        await c.expectHeld(item);
      }
    },
  },
  {
    name: 'a newer version replaces the older',
    async run(c) {
      await c.put(c.item('a', 1));
      await c.put(c.item('a', 7));
      await c.expectHeld(c.item('a', 7));
    },
  },
  {
    name: 'an older version is stale, and what is there stays',
    async run(c) {
      await c.put(c.item('a', 5));
      expect(await c.apply(c.item('a', 4))).toEqual([{ outcome: 'stale', version: 5 }]);
      await c.expectHeld(c.item('a', 5));
    },
  },
  {
    name: 'the same version three times is the same record once',
    async run(c) {
      for (let i = 0; i < 3; i++) await c.put(c.item('a', 2));
      await c.expectHeld(c.item('a', 2));
      expect(await c.scannedIds()).toEqual(['a']);
    },
  },
  {
    name: 'the same version mends content that differs',
    async run(c) {
      const other = c.item('a', 9);
      await c.put({ ...other, version: 2 });
      await c.put(c.item('a', 2));
      await c.expectHeld(c.item('a', 2));
    },
  },
  {
    name: 'a deletion leaves a tombstone at its version',
    async run(c) {
      await c.put(c.item('a', 1));
      await c.put(c.deletion('a', 2));
      await c.expectDeleted('a', 2);
    },
  },
  {
    name: 'the deleted stays deleted for an older insert',
    async run(c) {
      await c.put(c.item('a', 1));
      await c.put(c.deletion('a', 3));
      expect(await c.apply(c.item('a', 2))).toEqual([{ outcome: 'stale', version: 3 }]);
      await c.expectDeleted('a', 3);
    },
  },
  {
    name: 'an older deletion is stale',
    async run(c) {
      await c.put(c.item('a', 5));
      expect(await c.apply(c.deletion('a', 4))).toEqual([{ outcome: 'stale', version: 5 }]);
      await c.expectHeld(c.item('a', 5));
    },
  },
  {
    name: 'deleting the unknown leaves a tombstone, which guards',
    async run(c) {
      await c.put(c.deletion('ghost', 4));
      await c.expectDeleted('ghost', 4);
      expect(await c.apply(c.item('ghost', 3))).toEqual([{ outcome: 'stale', version: 4 }]);
      await c.expectDeleted('ghost', 4);
    },
  },
  {
    name: 'a deletion twice is one tombstone, a later one raises its version',
    async run(c) {
      await c.put(c.item('a', 1));
      await c.put(c.deletion('a', 2));
      await c.put(c.deletion('a', 2));
      await c.expectDeleted('a', 2);
      await c.put(c.deletion('a', 6));
      await c.expectDeleted('a', 6);
    },
  },
  {
    name: 'a record comes back with a higher version',
    async run(c) {
      await c.put(c.item('a', 1));
      await c.put(c.deletion('a', 2));
      await c.put(c.item('a', 3));
      await c.expectHeld(c.item('a', 3));
    },
  },
  {
    name: 'entities with the same id are different records',
    skip: ({ role }) => (entitiesOf(role).length < 2 ? 'one entity' : null),
    async run(c) {
      const [first = c.entity, second = c.entity] = entitiesOf(c.role);
      await c.put(c.item('same', 4, {}, first), c.item('same', 2, {}, second));
      await c.put(c.deletion('same', 5, first));
      await c.expectHeld(c.item('same', 2, {}, second));
      await c.expectDeleted('same', 5, first);
    },
  },
  {
    name: 'versions up to the largest safe integer are kept exactly',
    async run(c) {
      const item = { ...c.item('a', 1), version: Number.MAX_SAFE_INTEGER };
      await c.put(item);
      await c.expectHeld(item);
      expect(await c.apply({ ...item, version: Number.MAX_SAFE_INTEGER - 1 })).toEqual([
        { outcome: 'stale', version: Number.MAX_SAFE_INTEGER },
      ]);
    },
  },
  {
    name: 'what the queries of services see follows inserts, updates and deletions',
    skip: ({ driver }) => (driver.sees === undefined ? 'no query hook' : null),
    async run(c) {
      const sees = async (version: number) => {
        await c.store.refresh();
        return c.facts.driver.sees?.(c.store, c.item('a', version));
      };
      expect(await sees(1)).toBe(false);
      await c.put(c.item('a', 1));
      expect(await sees(1)).toBe(true);
      await c.put(c.item('a', 2));
      expect(await sees(2)).toBe(true);
      await c.put(c.deletion('a', 3));
      expect(await sees(2)).toBe(false);
    },
  },
];
