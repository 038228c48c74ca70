import { copyFile, rm } from 'node:fs/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { defaultRetention, encodePosition, type Role, roles } from '@mindora/contracts';
import { Thread } from '@mindora/runtime';
import { connectPrimary, primaryThread, type Target } from '@mindora/stores';
import { startChild, type TemporaryDirectory, temporaryDirectory, until } from '@mindora/testing';
import { type SyncService, type SyncThreadData, syncThread } from '../src/client.ts';
import { embeddedTargets, folderOf, storeThreads } from './support/stores.ts';
import { insertAnalysis, insertConversation, testDimensions, World } from './support/world.ts';
import { seeded, writeRandomly } from './support/writes.ts';

const opened: { world: World | null; directory: TemporaryDirectory; stop: () => Promise<void> }[] = [];

afterEach(async () => {
  for (const { world, directory, stop } of opened.splice(0)) {
    await world?.close();
    await stop();
    await directory.remove();
  }
});

async function open(directory: TemporaryDirectory, targets?: Map<Role, Target>, stop = async () => {}): Promise<World> {
  const world = await World.open({ directory, targets: targets ?? (await embeddedTargets(directory.path)) });
  opened.push({ world, directory, stop });
  world.start();
  return world;
}

/** Closes all but the files, as a stop of the version does. */
async function shut(world: World): Promise<TemporaryDirectory> {
  const { directory } = world;
  opened.splice(0);
  await world.stop();
  for (const target of world.targets.values()) await target.close();
  await world.primary.close();
  return directory;
}

const suffixes = ['', '-wal', '-shm'];

async function removeStore(directory: TemporaryDirectory, role: Role): Promise<void> {
  await rm(folderOf(directory.path, role), { recursive: true, force: true });
}

describe('on the embedded engines', () => {
  test('all seven stores agree after writes, updates, deletes and re-inserts', async () => {
    const world = await open(await temporaryDirectory());
    const random = seeded(1);
    for (let n = 0; n < 100; n++) await writeRandomly(world.primary, random);
    await world.settled();
    expect(await world.differences()).toEqual([]);
    expect((await world.sync.status()).healthy).toBe(true);
  });

  test('the bus is deleted, a store is deleted, a store is replaced by an older copy', async () => {
    const first = await open(await temporaryDirectory());
    await first.write(insertConversation('c1'), insertConversation('c2'), insertAnalysis('a1'));
    await first.settled();
    const directory = await shut(first);
    const files = suffixes.map((suffix) => `${directory.path}/documents/documents.sqlite${suffix}`);
    for (const file of files) await copyFile(file, `${file}.old`).catch(ignoreMissing);

    const second = await open(directory);
    await second.write({ op: 'delete', entity: 'conversation', id: 'c1' }, insertConversation('c3'));
    await second.settled();
    await shut(second);
    for (const file of files) {
      await rm(file, { force: true });
      await copyFile(`${file}.old`, file).catch(ignoreMissing);
    }
    await removeStore(directory, 'graph');

    const third = await open(directory);
    await third.settled();
    expect(await third.differences()).toEqual([]);
    await shut(third);
    for (const suffix of suffixes) await rm(directory.file(`bus.db${suffix}`), { force: true });

    const fourth = await open(directory);
    await fourth.write(insertConversation('c4'));
    await fourth.settled();
    expect(await fourth.differences()).toEqual([]);
  });

  test('the bus is replaced by an older copy that lacks what a store has not applied', async () => {
    const directory = await temporaryDirectory();
    const first = await open(directory);
    await first.write(insertConversation('c1'));
    await first.settled();
    await shut(first);
    const files = ['', '-wal', '-shm'].map((suffix) => directory.file(`bus.db${suffix}`));
    for (const file of files) await copyFile(file, `${file}.old`).catch(ignoreMissing);

    const second = await open(directory);
    await second.sync.pause('documents');
    await second.write({ op: 'update', entity: 'conversation', id: 'c1', set: { user_input: 'later' } });
    await until(async () => (await second.primary.ledger.pending(1, 1)).length === 0);
    await shut(second);
    for (const file of files) {
      await rm(file, { force: true });
      await copyFile(`${file}.old`, file).catch(ignoreMissing);
    }

    const third = await open(directory);
    await third.settled();
    expect(await third.differences()).toEqual([]);
  });

  test('threads of stores are killed while they apply', async () => {
    const directory = await temporaryDirectory();
    const { threads, targets, stop } = await storeThreads(directory.path);
    const world = await open(directory, targets, stop);
    const random = seeded(2);
    const victims: Role[] = ['documents', 'cache', 'vectors'];
    for (let n = 0; n < 120; n++) {
      await writeRandomly(world.primary, random);
      const victim = n % 40 === 20 ? victims[Math.floor(n / 40)] : undefined;
      if (victim !== undefined) await threads.get(victim)?.kill();
    }
    await world.settled(30_000);
    expect(await world.differences()).toEqual([]);
    expect(await world.sync.listParked({ store: null, entity: null })).toEqual([]);
  });

  test('sync in a thread of its own serves the others', async () => {
    const directory = await temporaryDirectory();
    const file = directory.file('primary.db');
    const primaryOf = await Thread.start({ name: 'primary', module: primaryThread, data: { file } });
    const { threads, stop } = await storeThreads(directory.path);
    const data: SyncThreadData = {
      version: 'test',
      logLevel: 'silent',
      primary: { file },
      bus: { kind: 'embedded', file: directory.file('bus.db') },
      stores: roles,
      embedder: { kind: 'lexical', dimensions: testDimensions },
      retention: defaultRetention,
      verifyEveryMs: 0,
    };
    const uses = { primary: primaryOf, ...Object.fromEntries(threads) };
    const thread = await Thread.start({ name: 'sync', module: syncThread, data, uses });
    opened.push({ world: null, directory, stop: () => Promise.all([stop(), primaryOf.stop()]).then(() => undefined) });
    const sync = thread.proxy<SyncService>();
    const primary = connectPrimary(primaryOf, file);
    const written = await primary.records.write([insertConversation('c1'), insertAnalysis('a1')]);
    await Promise.all(roles.map((role) => sync.waitFor(role, encodePosition(written), 20_000)));
    await threads.get('graph')?.kill();
    await until(async () => (await sync.status()).healthy);
    await sync.rebuild('graph');
    expect(await sync.quiesce(20_000)).toBe(true);
    expect((await sync.status()).stores.map(({ store }) => store)).toEqual([...roles]);
    expect((await sync.metrics()).find(({ name }) => name === 'mindora_sync_parked_records')?.values[0]?.value).toBe(0);
    await thread.stop();
    await primary.close();
  });

  test('rebuild of each store while writes go on', async () => {
    const world = await open(await temporaryDirectory());
    const random = seeded(3);
    for (let n = 0; n < 50; n++) await writeRandomly(world.primary, random);
    for (const role of roles) {
      const writing = (async () => {
        for (let n = 0; n < 8; n++) await writeRandomly(world.primary, random);
      })();
      await world.sync.rebuild(role);
      await writing;
    }
    await world.settled();
    expect(await world.differences()).toEqual([]);
  });

  const seeds = [Date.now() % 100_000, 11];
  test.each(seeds)('killed at random points and started again, seed %i', async (seed) => {
    const directory = await temporaryDirectory();
    opened.push({ world: null, directory, stop: async () => {} });
    const random = seeded(seed);
    for (let round = 0; round < 3; round++) {
      const child = startChild<number>(new URL('./support/kill-child.ts', import.meta.url), [
        directory.path,
        String(seed * 10 + round),
      ]);
      const writes = 20 + Math.floor(random() * 100);
      await child.message((n) => n >= writes, 30_000);
      await child.kill();
    }
    const world = await open(directory);
    await world.settled(30_000);
    expect({ seed, differences: await world.differences() }).toEqual({ seed, differences: [] });
    expect(await world.sync.listParked({ store: null, entity: null })).toEqual([]);
    await until(async () => (await world.sync.status()).healthy);
  });
});

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
