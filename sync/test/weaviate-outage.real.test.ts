/**
 * A Weaviate that is killed may come back with objects that its index has lost: queries miss them, and the engine says
 * nothing. Sync looks for them by itself, and sends them again (rules 10 and 14).
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { decodeVector } from '@mindora/contracts';
import { systemClock } from '@mindora/runtime';
import type { Mutation, VectorStore } from '@mindora/stores';
import { openWeaviateVectors } from '@mindora/stores/vectors/weaviate';
import { type RunningEngine, startEngine } from '@mindora/testing/engines';
import { seeded, until } from '@mindora/testing/plain';
import { insertConversation, memoryTargets, testDimensions, World } from './support/world.ts';

const kills = 3;
const ids = 300;
const perUnit = 10;
const aheadMax = 8;
const timeoutMs = 120_000;
let engine: RunningEngine;
let store: VectorStore;
let world: World;

beforeAll(async () => {
  engine = await startEngine('weaviate');
});
afterAll(() => engine.stop());
beforeEach(async () => {
  const connection = { url: engine.url, namespace: '' };
  store = openWeaviateVectors(connection, { clock: systemClock(), dimensions: testDimensions });
  await store.migrate();
  await store.wipe();
  world = await World.open({ targets: new Map([...memoryTargets(), ['vectors', store]]) });
  world.start();
});
afterEach(() => world.close());

/** Living records that a query with their own vector doesn't find. */
async function missed(): Promise<string[]> {
  const { records } = await store.scan('conversation', null, 10_000);
  const missing: string[] = [];
  for (const { id, document } of records) {
    if (document === null) continue;
    const vector = decodeVector(String(document.vector));
    const found = await store.nearest({ entity: 'conversation', vector, limit: 10, userId: null });
    if (!found.some((neighbour) => neighbour.id === id)) missing.push(id);
  }
  return missing;
}

async function vectors(): Promise<{ records: number; reconciles: number; lagBatches: number }> {
  const { stores } = await world.sync.status();
  const { applied, lagBatches = 0 } = stores.find(({ store: role }) => role === 'vectors') ?? {};
  return { records: applied?.records ?? 0, reconciles: applied?.reconciles ?? 0, lagBatches };
}

/**
 * Inserts, changes with the same vector and with another, and deletions, in units, until it is told to end; never far
 * ahead of the store, so that a kill meets it at work.
 */
function load(random: () => number, living: Set<string>): () => Promise<void> {
  let ended = false;
  const write = async (): Promise<void> => {
    for (let round = 0; !ended; round++) {
      const first = Math.floor(random() * ids);
      const unit = Array.from({ length: perUnit }, (_, i) => `c${(first + i) % ids}`);
      await world.write(...unit.map((id, i) => mutation(random, living, id, `text ${round} ${i} of ${random()}`)));
      await until(async () => ended || (await vectors()).lagBatches < aheadMax, timeoutMs);
    }
  };
  const writing = write();
  return () => {
    ended = true;
    return writing;
  };
}

function mutation(random: () => number, living: Set<string>, id: string, text: string): Mutation {
  if (!living.has(id)) {
    living.add(id);
    return insertConversation(id, 'user_1', text);
  }
  if (random() < 0.1) {
    living.delete(id);
    return { op: 'delete', entity: 'conversation', id };
  }
  const set = random() < 0.5 ? { user_input: text } : { model_name: text };
  return { op: 'update', entity: 'conversation', id, set };
}

test('killed again and again under load: every record is found, and nobody helps', async () => {
  const seed = Math.floor(Math.random() * 1_000_000);
  process.stdout.write(`seed ${seed}\n`);
  const random = seeded(seed);
  const living = new Set<string>();
  for (let kill = 0; kill < kills; kill++) {
    const end = load(random, living);
    const enough = (await vectors()).records + 100 + Math.floor(random() * 200);
    await until(async () => (await vectors()).records >= enough, timeoutMs);
    await engine.kill();
    await end();
    await engine.restart();
    await world.settled(timeoutMs);
    expect(await world.differences()).toEqual([]);
    expect(await missed()).toEqual([]);
  }
});

test.each([
  ['the index of its vectors', /\.hnsw\.commitlog\.d$/],
  ['the index of its ids', /^aiconversation\/.*\/property__id$/],
])(
  'killed while nobody writes, and %s lost: it is found and mended',
  async (_, lost) => {
    const some = Array.from({ length: 40 }, (_, i) => insertConversation(`c${i}`));
    await world.write(...some);
    await world.settled(timeoutMs);
    const before = await vectors();
    await engine.kill();
    removeFolders(join(engine.directory, 'data'), lost);
    await engine.restart();
    await until(async () => (await vectors()).reconciles > before.reconciles, timeoutMs);
    await world.settled(timeoutMs);
    expect(await world.differences()).toEqual([]);
    expect(await missed()).toEqual([]);
    expect((await vectors()).records).toBe(before.records + some.length);
  },
  300_000,
);

/** As a disk might lose them. */
function removeFolders(directory: string, lost: RegExp): void {
  const folders = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => lost.test(path));
  expect(folders.length).toBeGreaterThan(0);
  for (const folder of folders) rmSync(join(directory, folder), { recursive: true });
}
