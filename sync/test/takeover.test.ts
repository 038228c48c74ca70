/** Rule 10: whoever takes over a store that can't guard by version waits for late writes, and reconciles. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { MindoraError } from '@mindora/runtime';
import type { StoredRecord } from '@mindora/stores';
import { until } from '@mindora/testing';
import type { MemoryTarget } from './support/memory-target.ts';
import { insertConversation, World } from './support/world.ts';

/** Long beside what a test does meanwhile. */
const lateWritesMs = 1_500;
const worlds: World[] = [];

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function open(waitMs?: number): Promise<{ world: World; vectors: MemoryTarget }> {
  const world = await World.open();
  worlds.push(world);
  const vectors = world.memory('vectors');
  if (waitMs !== undefined) vectors.capabilities = { ...vectors.capabilities, lateWritesMs: waitMs };
  return { world, vectors };
}

/** A store that a sync has filled and left, and what it held of `c1` before that was changed. */
async function used(waitMs?: number): Promise<{ world: World; vectors: MemoryTarget; old: StoredRecord }> {
  const { world, vectors } = await open(waitMs);
  world.start();
  await world.write(insertConversation('c1'), insertConversation('c2'));
  await world.settled();
  const [old] = await vectors.get([{ entity: 'conversation', id: 'c1' }]);
  await world.write({ op: 'update', entity: 'conversation', id: 'c1', set: { ai_response: 'newer' } });
  await world.settled();
  await world.stop();
  await world.reopenBus();
  return { world, vectors, old: old as StoredRecord };
}

async function stateOf(world: World): Promise<{ state: string; reconciles: number }> {
  const { stores } = await world.sync.status();
  const store = stores.find(({ store: role }) => role === 'vectors');
  return { state: store?.state ?? '', reconciles: store?.applied.reconciles ?? 0 };
}

const isReconciling = async (world: World): Promise<boolean> => (await stateOf(world)).state === 'reconciling';

describe('an engine that does not guard', () => {
  test('what an old owner wrote late, after a newer version, is mended', async () => {
    const { world, vectors, old } = await used(lateWritesMs);
    world.start();
    await until(() => isReconciling(world));
    vectors.plant(old);
    expect(await world.differences()).toEqual(['vectors differs on conversation c1 ']);
    await world.settled();
    expect(await world.differences()).toEqual([]);
    expect(await stateOf(world)).toEqual({ state: 'running', reconciles: 1 });
  });

  test('after a failure of the store, too', async () => {
    const { world, vectors, old } = await used(lateWritesMs);
    world.start();
    await world.settled();
    let failures = 1;
    vectors.beforeApply = () => {
      if (failures-- > 0) throw new MindoraError('store_unavailable', 'told to fail');
    };
    await world.write(insertConversation('c3'));
    await until(() => isReconciling(world));
    vectors.plant(old);
    await world.settled();
    expect(await world.differences()).toEqual([]);
    expect((await stateOf(world)).reconciles).toBe(2);
  });

  test('nothing is applied, and nobody is told to have caught up, before the wait has ended', async () => {
    const { world, vectors } = await used(lateWritesMs);
    const applied = vectors.applies;
    const begun = performance.now();
    world.start();
    await world.write(insertConversation('c3'));
    expect(await world.sync.quiesce(lateWritesMs / 3)).toBe(false);
    expect(vectors.applies).toBe(applied);
    await world.settled();
    expect(performance.now() - begun).toBeGreaterThanOrEqual(lateWritesMs);
    expect(vectors.lives()).toContain('conversation c3');
  });

  test('a stop ends the wait', async () => {
    const { world } = await used(600_000);
    world.start();
    await until(() => isReconciling(world));
    const begun = performance.now();
    await world.stop();
    expect(performance.now() - begun).toBeLessThan(30_000);
    await world.reopenBus();
  });

  test('a store that is new, or was wiped, is filled without a wait', async () => {
    const { world } = await open(600_000);
    world.start();
    await world.write(insertConversation('c1'));
    await world.settled();
    await world.sync.rebuild('vectors');
    await world.settled();
    expect(await world.differences()).toEqual([]);
  });
});

test('an engine that guards is taken over without a wait and without a reconcile', async () => {
  const { world } = await used();
  world.start();
  await world.settled();
  expect(await stateOf(world)).toEqual({ state: 'running', reconciles: 0 });
});
