import { expect } from '@jest/globals';
import { compareKeys } from '@mindora/contracts';
import type { Target } from '@mindora/stores';
import { needsDurability, serialIds, type TargetCase } from '../target/context.ts';

/** Every call of the port but close. */
const calls: readonly ((target: Target) => Promise<unknown>)[] = [
  (target) => target.migrate(),
  (target) => target.apply({ items: [], positions: [] }),
  (target) => target.get([{ entity: 'conversation', id: 'a' }]),
  (target) => target.scan('conversation', null, 1),
  (target) => target.scanVersions('conversation', null, 1),
  (target) => target.refresh(),
  (target) => target.positions(),
  (target) => target.setPositions([]),
  (target) => target.label(),
  (target) => target.setLabel('x'),
  (target) => target.purge(0),
  (target) => target.scrub(),
  (target) => target.wipe(),
];

/** Opening, wiping, expiring, closing. */
export const lifecycleCases: readonly TargetCase[] = [
  {
    name: 'role, engine and capabilities are declared',
    async run(c) {
      expect(c.store.role).toBe(c.role);
      expect(c.store.engine).toMatch(/\S+/);
      expect(c.store.capabilities).toMatchObject({ volatile: c.facts.volatile, dimensions: c.facts.dimensions });
      expect(Array.isArray(c.store.capabilities.refuses)).toBe(true);
      expect(typeof c.store.capabilities.expires).toBe('boolean');
      expect(await c.store.health()).toMatchObject({ ok: true });
    },
  },
  {
    name: 'migrate may be called again and keeps everything',
    async run(c) {
      await c.put(c.item('a', 2));
      await c.store.setLabel('kept');
      await c.store.migrate();
      await c.store.migrate();
      await c.expectHeld(c.item('a', 2));
      expect(await c.store.label()).toBe('kept');
    },
  },
  {
    name: 'a store opened again has records, tombstones, positions and label',
    skip: needsDurability,
    async run(c) {
      const position = { incarnation: 'bus-1', partition: 2, n: 7 };
      await c.store.apply({ items: [c.item('a', 3), c.deletion('b', 4)], positions: [position] });
      await c.store.setLabel('kept');
      await c.reopen();
      await c.expectHeld(c.item('a', 3));
      await c.expectDeleted('b', 4);
      expect(await c.store.positions()).toEqual([position]);
      expect(await c.store.label()).toBe('kept');
      expect(await c.apply(c.item('b', 3))).toEqual([{ outcome: 'stale', version: 4 }]);
    },
  },
  {
    name: 'a wiped store is as new, and takes any version',
    async run(c) {
      await c.store.apply({
        items: [c.item('a', 9), c.deletion('b', 9)],
        positions: [{ incarnation: 'bus-1', partition: 0, n: 1 }],
      });
      await c.store.setLabel('gone');
      await c.store.wipe();
      expect(await c.scannedIds()).toEqual([]);
      expect(await c.get('a')).toBeNull();
      expect(await c.get('b')).toBeNull();
      expect(await c.store.positions()).toEqual([]);
      expect(await c.store.label()).toBeNull();
      await c.put(c.item('a', 1), c.item('b', 1));
      await c.expectHeld(c.item('b', 1));
    },
  },
  {
    name: 'a wipe of the empty store, and twice',
    async run(c) {
      await c.store.wipe();
      await c.store.wipe();
      await c.put(c.item('a'));
      await c.expectHeld(c.item('a'));
    },
  },
  {
    name: 'purge forgets tombstones from before a time, and nothing else',
    async run(c) {
      await c.put(c.item('a'), c.deletion('b', 2), c.deletion('c', 2));
      expect(await c.store.purge(Date.now() - 3_600_000)).toBe(0);
      await c.expectDeleted('b', 2);
      expect(await c.store.purge(Date.now() + 3_600_000)).toBe(2);
      expect(await c.get('b')).toBeNull();
      expect(await c.scannedIds()).toEqual(['a']);
      await c.put(c.item('b', 1));
    },
  },
  {
    name: 'a record brought back is no tombstone for purge',
    async run(c) {
      await c.put(c.item('a', 1));
      await c.put(c.deletion('a', 2));
      await c.put(c.item('a', 3));
      expect(await c.store.purge(Date.now() + 3_600_000)).toBe(0);
      await c.expectHeld(c.item('a', 3));
    },
  },
  {
    name: 'purge of 2,500 tombstones',
    async run(c) {
      const ids = serialIds(2500);
      await c.put(...ids.map((id) => c.deletion(id, 1)), c.item('kept'));
      expect(await c.store.purge(Date.now() + 3_600_000)).toBe(2500);
      expect(await c.scannedIds()).toEqual(['kept']);
    },
  },
  {
    name: 'what has expired is in no scan, no read and no query; what has not is',
    async run(c) {
      const expired = { ...c.item('old', 2), expiresAt: Date.now() - 1000 };
      const lasting = { ...c.item('young', 1), expiresAt: Date.now() + 3_600_000 };
      await c.put(expired, lasting);
      expect(await c.scannedIds()).toEqual(['young']);
      expect((await c.scanAll(10, null, true)).map(({ id }) => id)).toEqual(['young']);
      expect(await c.get('old')).toBeNull();
      expect(await c.get('young')).toMatchObject({ expiresAt: lasting.expiresAt });
      await c.expectHeld(lasting);
      if (c.facts.driver.sees !== undefined && c.store.capabilities.expires) {
        await c.store.refresh();
        expect(await c.facts.driver.sees(c.store, expired)).toBe(false);
        expect(await c.facts.driver.sees(c.store, lasting)).toBe(true);
      }
    },
  },
  {
    name: 'what has expired comes back with a later version, and purge lets it go',
    async run(c) {
      await c.put({ ...c.item('a', 1), expiresAt: Date.now() - 1000 });
      await c.put(c.item('a', 2));
      await c.expectHeld(c.item('a', 2));
      await c.put({ ...c.item('b', 1), expiresAt: Date.now() - 1000 });
      await c.store.purge(0);
      await c.put(c.item('b', 1));
      await c.expectHeld(c.item('b', 1));
    },
  },
  {
    name: 'what sync did not write is reported, without a version',
    skip: ({ driver, volatile }) => needsDurability({ volatile } as never) ?? (driver.tamper ? null : 'no tamper hook'),
    async run(c) {
      await c.put(c.item('a', 1), c.item('b', 1), c.item('c', 1));
      await c.close();
      await c.facts.driver.tamper?.(c.role, c.directory, c.item('b', 1));
      await c.open();
      await c.store.refresh();
      const records = await c.scanAll();
      expect(records.map(({ id, version }) => [id, version])).toEqual([
        ['a', 1],
        ['b', null],
        ['c', 1],
      ]);
      expect((await c.scanAll(1, null, true)).map(({ id, version }) => [id, version])).toContainEqual(['b', null]);
      expect(await c.get('b')).toMatchObject({ version: null, deleted: false });
      await c.put(c.deletion('b', 1));
      await c.expectDeleted('b', 1);
    },
  },
  {
    name: 'close may be called twice, and every call after it is store_unavailable',
    async run(c) {
      const { store } = c;
      await store.close();
      await store.close();
      for (const call of calls) await expect(call(store)).rejects.toMatchObject({ code: 'store_unavailable' });
      const health = store.health().catch(({ code }: { code?: unknown }) => ({ ok: code !== 'store_unavailable' }));
      expect(await health).toMatchObject({ ok: false });
    },
  },
  {
    name: 'refresh and scrub change nothing',
    async run(c) {
      const ids = serialIds(40);
      await c.put(...ids.map((id) => c.item(id, 2)));
      await c.put(c.deletion('id-000003', 3));
      const before = await c.scanAll();
      await c.store.refresh();
      await c.store.scrub();
      await c.store.refresh();
      expect(await c.scanAll()).toEqual(before);
      expect(before.map(({ id }) => id)).toEqual([...ids].sort(compareKeys));
    },
  },
];
