import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { compareKeys } from '@mindora/contracts';
import { expectRecord, serialIds, type TargetCase } from '../target/context.ts';

/** Ids whose order differs between bytes, UTF-16 units, locales and cases. */
const unevenIds = [
  '',
  ' ',
  'a',
  'A',
  'Z',
  'z',
  'é',
  'e\u0301',
  'ß',
  'ss',
  '中',
  '\ufffd',
  '\u{10000}',
  '😀',
  '10',
  '9',
];
const idsOfAnyOrder = unevenIds.filter((id) => id !== '').map((id) => `k${id}`);

/** Reading all of a store, page by page (verify, reconcile). */
export const scanCases: readonly TargetCase[] = [
  {
    name: 'get answers in the order of the keys, null for the unknown, twice for a key asked twice',
    async run(c) {
      await c.put(c.item('a', 1), c.item('b', 2));
      const keys = ['b', 'none', 'a', 'b'].map((id) => ({ entity: c.entity, id }));
      const [b, none, a, again] = await c.store.get(keys);
      expectRecord(b, c.item('b', 2));
      expect(none).toBeNull();
      expectRecord(a, c.item('a', 1));
      expectRecord(again, c.item('b', 2));
      expect(await c.store.get([])).toEqual([]);
    },
  },
  {
    name: 'get of 1,000 keys',
    async run(c) {
      const ids = serialIds(1000);
      await c.put(...ids.filter((_, i) => i % 2 === 0).map((id) => c.item(id)));
      const found = await c.store.get(ids.map((id) => ({ entity: c.entity, id })));
      expect(found.map((record) => record?.id ?? null)).toEqual(ids.map((id, i) => (i % 2 === 0 ? id : null)));
    },
  },
  {
    name: 'a scan of nothing ends at once',
    async run(c) {
      expect(await c.store.scan(c.entity, null, 10)).toEqual({ records: [], next: null });
      expect(await c.store.scanVersions(c.entity, 'x', 10)).toEqual({ records: [], next: null });
    },
  },
  {
    name: 'ids are scanned in the order of their UTF-8 bytes',
    async run(c) {
      await c.put(...idsOfAnyOrder.map((id) => c.item(id)));
      const inOrder = [...idsOfAnyOrder].sort(compareKeys);
      expect(await c.scannedIds()).toEqual(inOrder);
      expect((await c.scanAll(3, null, true)).map(({ id }) => id)).toEqual(inOrder);
    },
  },
  {
    name: 'pages of 1, 7 and 1,000 give the same records',
    async run(c) {
      const ids = serialIds(50);
      await c.put(...ids.map((id) => c.item(id)));
      for (const limit of [1, 7, 1000]) {
        expect(await c.scannedIds(limit)).toEqual(ids);
        expect((await c.scanAll(limit, null, true)).map(({ id }) => id)).toEqual(ids);
      }
      const page = await c.store.scan(c.entity, null, 7);
      expect(page.records.length).toBe(7);
      expect(page.next).toBe('id-000006');
    },
  },
  {
    name: 'a scan goes on after any id, also one that is deleted or was never there',
    async run(c) {
      await c.put(c.item('a'), c.item('b'), c.item('d'));
      await c.put(c.deletion('b', 2));
      expect(await c.scannedIds(10, 'a')).toEqual(['b', 'd']);
      expect(await c.scannedIds(10, 'b')).toEqual(['d']);
      expect(await c.scannedIds(10, 'c')).toEqual(['d']);
      expect(await c.scannedIds(10, 'd')).toEqual([]);
    },
  },
  {
    name: 'a scan includes tombstones with their versions',
    async run(c) {
      await c.put(c.item('a', 1), c.deletion('b', 4), c.item('c', 2));
      const records = await c.scanAll();
      expect(records.map(({ id, version, deleted }) => [id, version, deleted])).toEqual([
        ['a', 1, false],
        ['b', 4, true],
        ['c', 2, false],
      ]);
      expect(records[1]?.document).toBeNull();
    },
  },
  {
    name: 'scan, scanVersions and get tell the same',
    async run(c) {
      const ids = serialIds(30);
      await c.put(...ids.map((id, i) => (i % 3 === 0 ? c.deletion(id, i + 1) : c.item(id, i + 1))));
      const full = await c.scanAll(4);
      const brief = await c.scanAll(4, null, true);
      const facts = (records: typeof full) => records.map(({ id, version, deleted }) => ({ id, version, deleted }));
      expect(facts(brief)).toEqual(facts(full));
      expect(await c.store.get(ids.map((id) => ({ entity: c.entity, id })))).toEqual(full);
    },
  },
  {
    name: 'a limit out of bounds is invalid_request',
    async run(c) {
      for (const limit of [0, -1, 1.5, 10_001]) {
        await expect(c.store.scan(c.entity, null, limit)).rejects.toMatchObject({ code: 'invalid_request' });
        await expect(c.store.scanVersions(c.entity, null, limit)).rejects.toMatchObject({ code: 'invalid_request' });
      }
    },
  },
  {
    name: '10,000 records are scanned completely, each once',
    async run(c) {
      const ids = serialIds(10_000);
      for (let at = 0; at < ids.length; at += 1000) {
        await c.put(...ids.slice(at, at + 1000).map((id) => c.item(id)));
      }
      expect(await c.scannedIds(1000)).toEqual(ids);
      expect((await c.scanAll(10_000, null, true)).length).toBe(10_000);
    },
  },
  {
    name: 'a scan beside writes misses nothing that was there all the time',
    async run(c) {
      const lasting = serialIds(300, 'lasting');
      await c.put(...lasting.map((id) => c.item(id)));
      let scanning = true;
      const writing = (async () => {
        for (let i = 0; scanning; i++) {
          const passing = `lasting-${String(i % 300).padStart(6, '0')}-passing`;
          await c.apply(c.item(passing, i + 1), c.item(lasting[i % 300] ?? '', i + 2), c.deletion(passing, i + 2));
          // An engine in this thread answers without a turn of the event loop, and a scan may wait for one.
          await nextTurn();
        }
      })();
      const seen = await c.scannedIds(17);
      scanning = false;
      await writing;
      expect(seen.filter((id) => !id.endsWith('passing'))).toEqual(lasting);
      expect(new Set(seen).size).toBe(seen.length);
    },
  },
];
