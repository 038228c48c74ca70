/** Records a second from the commit to all seven stores, and each store's own apply beside its engine's bulk insert. */
import { mkdirSync } from 'node:fs';
import { encodePosition, entitiesOf, type Role, roles } from '@mindora/contracts';
import type { ApplyItem, Target } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import { temporaryDirectory } from '@mindora/testing/plain';
import { type Figures, type Measurement, perSecond, ratio } from './figures.ts';
import { insertRaw } from './raw.ts';
import { insertion } from './records.ts';
import { dimensions, settled, type World } from './world.ts';

const unitsPerCall = 500;
const itemsPerBatch = 500;
const scanPage = 1000;

/** Fills the world with so many conversations; how long until each store had all of them. */
export async function measureSync(world: World, records: number): Promise<Measurement> {
  await settled(world.sync);
  const began = performance.now();
  for (let start = 0; start < records; start += unitsPerCall) {
    const count = Math.min(unitsPerCall, records - start);
    await world.primary.writeEach(Array.from({ length: count }, (_, index) => [insertion(start + index)]));
  }
  const committedMs = performance.now() - began;
  const token = encodePosition(
    Array.from({ length: 100 }, (_, n) => ({ entity: 'conversation', id: `bench-${n}`, version: 1 })),
  );
  const arrived = await Promise.all(
    roles.map(async (role) => {
      await world.sync.waitFor(role, token, 300_000);
      return performance.now() - began;
    }),
  );
  await settled(world.sync);
  const allMs = performance.now() - began;
  const row = (step: string, ms: number): Figures => ({
    step,
    ms: Math.round(ms),
    'records/s': perSecond(records, ms),
  });
  return {
    name: 'sync',
    about: `${records} conversations, written 500 at a time, seven stores at once; from the first write until`,
    rows: [
      row('all are committed', committedMs),
      ...roles.map((role, index) => row(`all are in ${role}`, arrived[index] ?? 0)),
      row('everything is at rest', allMs),
    ],
  };
}

/** What {@link measureSync} left in the stores, applied to fresh ones in this thread, and inserted raw. */
export async function measureApply(world: World, records: number): Promise<Measurement> {
  const directory = await temporaryDirectory();
  const rows: Figures[] = [];
  try {
    for (const role of roles.filter((name) => name !== 'cache')) {
      const [ours, raw] = [directory.file(role), directory.file(`${role}-raw`)];
      for (const folder of [ours, raw]) mkdirSync(folder);
      const oursMs = await applyAll(role, world.folderOf(role), ours);
      const rawMs = insertRaw(ours, raw);
      const rates = { 'apply records/s': perSecond(records, oursMs), 'raw records/s': perSecond(records, rawMs) };
      rows.push({ store: role, ...rates, 'ours : raw': ratio(rawMs, oursMs) });
    }
  } finally {
    await directory.remove();
  }
  const about =
    'one store alone, 500 documents a commit (with version guard and register), beside raw inserts of the same rows';
  return { name: 'apply', about, rows };
}

async function applyAll(role: Role, from: string, to: string): Promise<number> {
  const source: Target = await createStore(role, { directory: from, dimensions });
  const items = await itemsOf(source);
  await source.close();
  const target: Target = await createStore(role, { directory: to, dimensions });
  const began = performance.now();
  for (let start = 0; start < items.length; start += itemsPerBatch) {
    await target.apply({ items: items.slice(start, start + itemsPerBatch), positions: [] });
  }
  const tookMs = performance.now() - began;
  await target.close();
  return tookMs;
}

async function itemsOf(source: Target): Promise<ApplyItem[]> {
  const items: ApplyItem[] = [];
  for (const entity of entitiesOf(source.role)) {
    for (let after: string | null = null; ; ) {
      const { records, next } = await source.scan(entity, after, scanPage);
      for (const { id, version, document, expiresAt } of records) {
        const owner = String(document?.user_id ?? document?.userId ?? '');
        if (document !== null)
          items.push({ entity, id, version: version ?? 1, owner: owner === '' ? null : owner, document, expiresAt });
      }
      if (next === null) break;
      after = next;
    }
  }
  return items;
}
