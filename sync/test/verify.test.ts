import { describe, expect, test } from '@jest/globals';
import { defaultRetention, type Role } from '@mindora/contracts';
import { verifyReport } from '@mindora/contracts/routes';
import { systemClock } from '@mindora/runtime';
import { type VerifyOptions, verify } from '../src/verify/index.ts';
import { chaosOf, conversation, seeded, World } from './verify-world.ts';

const roles: Role[] = ['relational', 'cache', 'documents', 'fulltext', 'vectors'];
const look: VerifyOptions = {
  stores: null,
  entities: null,
  repair: false,
  dryRun: false,
  waitMs: 5_000,
};
const impatient = { ...look, waitMs: 60 };

async function within<T>(seed: number, use: (world: World, fraction: () => number) => Promise<T>): Promise<T> {
  const fraction = seeded(seed);
  const world = new World(roles, chaosOf(fraction), systemClock(), defaultRetention);
  world.start();
  try {
    return await use(world, fraction);
  } finally {
    await world.stop();
  }
}

async function filled(world: World, records: number): Promise<void> {
  for (let i = 0; i < records; i++) world.primary.put('conversation', `c${i}`, conversation(`c${i}`, `text ${i}`));
  expect((await verify(world.parts, look)).agree).toBe(true);
}

describe('verify', () => {
  test('agrees where all is applied, and its report has the agreed shape and a root that repeats (A5.1)', async () => {
    await within(1, async (world) => {
      await filled(world, 120);
      const seen: number[] = [];
      const report = await verify(world.parts, look, ({ store, checked, total }) => {
        if (store === 'relational') seen.push(checked, total);
      });
      expect(verifyReport.parse(report)).toEqual(report);
      expect(report.stores.relational).toMatchObject({ engine: 'memory', checked: 120, missing: 0, error: null });
      expect(report.ledger.records).toBe(120);
      expect(seen.at(-1)).toBe(seen.at(-2));
      const again = await verify(world.parts, look);
      expect(again.ledger.root).toBe(report.ledger.root);
      world.primary.put('conversation', 'c0', conversation('c0', 'other'));
      expect((await verify(world.parts, look)).ledger.root).not.toBe(report.ledger.root);
    });
  });

  test('names every kind of drift with its cause, and repairs it (A5.2)', async () => {
    await within(2, async (world) => {
      await filled(world, 60);
      world.primary.remove('conversation', 'c5');
      world.primary.put('conversation', 'c4', conversation('c4', 'newer'));
      expect((await verify(world.parts, look)).agree).toBe(true);
      const { records } = world.store('fulltext');
      const at = (id: string) => records.get(`conversation ${id}`) as NonNullable<ReturnType<typeof records.get>>;
      records.delete('conversation c1');
      records.set('conversation x1', { ...at('c2'), id: 'x1', version: null });
      records.set('conversation x2', { ...at('c2'), id: 'x2', version: 7 });
      records.set('conversation c3', { ...at('c3'), document: { ...at('c3').document, user_input: 'edited' } });
      records.set('conversation c4', { ...at('c4'), version: 1 });
      records.set('conversation c5', { ...at('c6'), id: 'c5', version: 1 });
      records.set('conversation c7', { ...at('c7'), version: 9 });
      records.set('conversation c8', { ...at('c8'), fault: 'not in the index' });
      records.set('conversation c9', { ...at('c9'), deleted: true, document: null });
      const report = await verify(world.parts, { ...look, repair: true, dryRun: true });
      const told = report.differences.map(({ id, kind, cause, fields, repair }) => [id, kind, cause, fields, repair]);
      expect(told.sort()).toEqual([
        ['c1', 'missing', 'lost', undefined, 'touch'],
        ['c3', 'different', 'edited', ['user_input'], 'touch'],
        ['c4', 'stale', 'stale', undefined, 'touch'],
        ['c5', 'resurrected', 'resurrected', undefined, 'touch'],
        ['c7', 'different', 'ahead', undefined, 'raise'],
        ['c8', 'different', 'index', undefined, 'touch'],
        ['c9', 'missing', 'edited', undefined, 'touch'],
        ['x1', 'extra', 'edited', undefined, 'touch'],
        ['x2', 'extra', 'unknown', undefined, 'raise'],
      ]);
      expect(report.agree).toBe(false);
      expect(JSON.stringify(report)).not.toContain('edited"}');
      const mended = await verify(world.parts, { ...look, repair: true });
      expect(mended).toMatchObject({ agree: true, differences: [], stores: { fulltext: { repaired: 9 } } });
      const after = await verify(world.parts, look);
      expect(after.differences).toEqual([]);
      expect(after.agree).toBe(true);
    });
  });

  test('a store that stands still is pending, never drift, and the others are not held up', async () => {
    await within(3, async (world) => {
      await filled(world, 40);
      world.paused.add('documents');
      world.primary.put('conversation', 'c1', conversation('c1', 'newer'));
      world.primary.put('conversation', 'new', conversation('new', 'new'));
      world.primary.remove('conversation', 'c2');
      const report = await verify(world.parts, impatient);
      expect(report.differences).toEqual([]);
      expect(report.agree).toBe(false);
      expect(report.stores.documents?.pending).toBe(3);
      expect(report.stores.relational?.pending).toBe(0);
      world.paused.clear();
      expect((await verify(world.parts, look)).agree).toBe(true);
    });
  });

  test('what a store has of another log is pending until it was compared, and drift from then on', async () => {
    await within(7, async (world) => {
      await filled(world, 10);
      const store = world.store('documents');
      const [extra] = store.records.values();
      if (extra !== undefined) store.records.set('conversation later', { ...extra, id: 'later' });
      store.incarnation = 'before the restore';
      const report = await verify(world.parts, impatient);
      expect(report.stores.documents).toMatchObject({ pending: 1, extra: 0 });
      expect(report).toMatchObject({ agree: false, differences: [] });
      store.incarnation = 'only';
      const compared = await verify(world.parts, look);
      expect(compared.differences).toMatchObject([{ store: 'documents', id: 'later', kind: 'extra' }]);
    });
  });

  test('a refused record is parked, not missing; dropped from parking it is missing', async () => {
    await within(4, async (world) => {
      await filled(world, 10);
      world.store('vectors').refuse.add('bad');
      world.primary.put('conversation', 'bad', conversation('bad', 'poison'));
      const report = await verify(world.parts, look);
      expect(report.stores.vectors).toMatchObject({ parked: 1, missing: 0, pending: 0 });
      expect(report.agree).toBe(false);
      world.primary.parkedRecords = [];
      const dropped = await verify(world.parts, look);
      expect(dropped.differences).toMatchObject([{ store: 'vectors', id: 'bad', kind: 'missing', cause: 'lost' }]);
    });
  });

  test('what has expired may be gone, and what was evicted from the cache is not missing (A2.3, A2.6)', async () => {
    await within(5, async (world) => {
      await filled(world, 5);
      const old = conversation('old', 'old', new Date(Date.now() - defaultRetention.documentsMs - 60_000));
      world.primary.put('conversation', 'old', old);
      expect((await verify(world.parts, look)).agree).toBe(true);
      world.store('documents').records.delete('conversation old');
      const cached = world.store('cache').records;
      const one = cached.get('conversation c1');
      if (one !== undefined) cached.set('conversation c1', { ...one, document: null, evicted: true });
      expect((await verify(world.parts, look)).agree).toBe(true);
      cached.delete('conversation c2');
      expect((await verify(world.parts, look)).differences).toMatchObject([{ store: 'cache', id: 'c2' }]);
    });
  });

  test('embeddings that no record needs are extra, and deleted by repair', async () => {
    await within(6, async (world) => {
      await filled(world, 3);
      world.primary.orphans.add('e'.repeat(64));
      const report = await verify(world.parts, look);
      expect(report.differences).toMatchObject([{ store: 'vectors', entity: 'embedding', kind: 'extra' }]);
      const mended = await verify(world.parts, { ...look, repair: true });
      expect(mended).toMatchObject({ agree: true, stores: { vectors: { repaired: 1 } } });
    });
  });

  test('lists a bounded number of differences and counts all of them', async () => {
    await within(7, async (world) => {
      await filled(world, 1_500);
      world.store('relational').records.clear();
      const report = await verify(world.parts, { ...look, stores: ['relational'], differencesMax: 10 });
      expect(report.stores.relational).toMatchObject({ missing: 1_500, checked: 1_500 });
      expect(report.differences).toHaveLength(10);
      expect(report.differences_truncated).toBe(true);
    });
  });

  test('a store that fails is told as an error, the others are checked; a broken off check rejects', async () => {
    await within(8, async (world) => {
      await filled(world, 5);
      const broken = { ...world.store('documents').target(), refresh: () => Promise.reject(new Error('on fire')) };
      const parts = { ...world.parts, targets: new Map(world.parts.targets).set('documents', broken) };
      const report = await verify(parts, look);
      expect(report.agree).toBe(false);
      expect(report.stores.documents?.error?.code).toBe('internal');
      expect(report.stores.relational?.checked).toBe(5);
      const stopped = AbortSignal.abort();
      await expect(verify(world.parts, { ...look, signal: stopped })).rejects.toMatchObject({ code: 'shutting_down' });
    });
  });

  test('gives no false alarm while records are written, deleted and inserted again', async () => {
    const first = Date.now() % 1_000_000;
    for (let seed = first; seed < first + 12; seed++) {
      await within(seed, async (world, fraction) => {
        await filled(world, 60);
        let writing = true;
        const chaos = chaosOf(fraction);
        const writer = async (): Promise<void> => {
          for (let i = 0; writing; i++) {
            const id = `c${Math.floor(fraction() ** 2 * 80)}`;
            if (fraction() < 0.3) world.primary.remove('conversation', id);
            else world.primary.put('conversation', id, conversation(id, `${seed} ${i}`));
            await chaos(8);
          }
        };
        const writers = [writer(), writer(), writer()];
        const during = await verify(world.parts, { ...look, waitMs: 500 });
        writing = false;
        await Promise.all(writers);
        const after = await verify(world.parts, look);
        expect({ seed, differences: during.differences }).toEqual({ seed, differences: [] });
        expect({ seed, agree: after.agree, stores: after.agree ? null : after.stores }).toEqual({
          seed,
          agree: true,
          stores: null,
        });
      });
    }
  });
});
