import { rm } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { type Role, roles } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { ParkedRecord } from '@mindora/stores';
import { startChild, temporaryDirectory, until } from '@mindora/testing';
import type { MemoryTarget } from './support/memory-target.ts';
import { insertConversation, World } from './support/world.ts';
import { seeded, writeRandomly } from './support/writes.ts';

const steps = 160;
/** An older copy of a store was put in place while it was compared, and its positions were then set. */
const exchangedWhileCompared: Run = { seed: 105, count: 400 };

const comparedAfterFailures = ['vectors', 'graph'] as const;

interface Run {
  readonly seed: number;
  readonly count: number;
  readonly partitions?: number;
}

type Chance = () => number;

/** What can happen to a version, besides writes. */
const accidents: readonly ((world: World, store: MemoryTarget, chance: Chance) => undefined | Promise<unknown>)[] = [
  (_, store) => store.wipe(),
  (_, store) => {
    const restore = store.copy();
    restores.push(restore);
  },
  (world, __, chance) => {
    // Of one partition, nothing tells that a store was exchanged between the look at its position and the batch. Engines
    // are not exchanged while they answer; of several partitions the others tell.
    if (world.bus.partitions > 1) restores[Math.floor(chance() * restores.length)]?.();
  },
  (_, store) => {
    store.beforeApply = once(store, 'beforeApply');
  },
  (_, store) => {
    store.afterApply = once(store, 'afterApply');
  },
  (_, store, chance) => {
    away(store, 1 + Math.floor(chance() * 6));
  },
  (world, store) => world.sync.touch('conversation', null, [store.role]),
  (world, store) => world.sync.pause(store.role),
  (world) => {
    for (const role of roles) world.sync.resume(role);
  },
  (world) => restart(world, false),
  (world) => restart(world, true),
  (_, store) => store.setLabel(`${store.role}/0`),
];

let restores: (() => void)[] = [];

/** Fails at all that is asked of it, for so many batches. */
function away(store: MemoryTarget, batches: number): void {
  let left = batches;
  store.beforeApply = () => {
    if (left-- <= 0) store.beforeApply = () => undefined;
    else throw new MindoraError('store_unavailable', 'told to fail');
  };
}

/** Fails at the next batch, before it was applied or after. */
function once(store: MemoryTarget, hook: 'beforeApply' | 'afterApply'): () => void {
  return () => {
    store[hook] = () => undefined;
    throw new MindoraError('store_unavailable', 'told to fail');
  };
}

async function restart(world: World, losesBus: boolean): Promise<void> {
  await world.stop();
  if (losesBus) {
    for (const suffix of ['', '-wal', '-shm']) await rm(world.directory.file(`bus.db${suffix}`), { force: true });
  }
  await world.reopenBus();
  world.start();
}

describe('whatever happens', () => {
  const seeds: Run[] = [Date.now() % 100_000, 1, 2].map((seed) => ({ seed, count: steps }));
  const partitioned = seeds.map((each) => ({ ...each, partitions: 1 }));
  test.each([...seeds, ...partitioned, exchangedWhileCompared])(
    'stores agree in the end: %o',
    async ({ seed, count, partitions = 4 }) => {
      const chance = seeded(seed);
      restores = [];
      const world = await World.open({ partitions });
      for (const role of comparedAfterFailures) {
        const store = world.memory(role);
        store.capabilities = { ...store.capabilities, lateWritesMs: 5 };
      }
      try {
        world.start({ relateScoreMin: null, watchEveryMs: 50 });
        for (let step = 0; step < count; step++) {
          await writeRandomly(world.primary, chance);
          if (chance() > 0.15) continue;
          const role: Role = roles[Math.floor(chance() * roles.length)] ?? 'cache';
          await accidents[Math.floor(chance() * accidents.length)]?.(world, world.memory(role), chance);
        }
        for (const role of roles) world.sync.resume(role);
        await until(
          async () => (await world.sync.quiesce(500)) && (await world.differences()).length === 0,
          30_000,
          () => `seed ${seed}`,
        );
        expect(await world.sync.listParked({ store: null, entity: null })).toEqual([]);
      } finally {
        await world.close();
      }
    },
  );
});

describe('a record that ends the process', () => {
  test('is found and parked, and the others arrive', async () => {
    const directory = await temporaryDirectory();
    const world = await World.open({ directory });
    await world.write(...Array.from({ length: 9 }, (_, index) => insertConversation(`c${index}`)));
    await world.stop();
    await world.primary.close();
    const report = await untilSettled(directory.path);
    await directory.remove();
    expect(report.parked).toMatchObject([{ store: 'personal', id: 'c4' }]);
    expect(report.lives).toHaveLength(8);
  });
});

interface Report {
  readonly lives: string[];
  readonly parked: ParkedRecord[];
}

/** Starts the version again as often as it dies, within reason. */
async function untilSettled(path: string): Promise<Report> {
  const module = new URL('./support/poison-child.ts', import.meta.url);
  for (let life = 0; life < 15; life++) {
    const child = startChild<Report>(module, [path, 'c4']);
    await child.ended();
    const [report] = child.messages;
    if (report !== undefined) return report;
  }
  throw new Error('it dies again and again');
}
