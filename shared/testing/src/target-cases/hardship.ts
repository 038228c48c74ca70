import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { startChild } from '../child.ts';
import { needsDurability, serialIds, type TargetCase, type TargetContext } from '../target/context.ts';
import { crashBatch, crashKeys } from '../target/crash-batches.ts';
import { fieldOfType, sampleVector } from '../target/sample.ts';

const program = new URL('../target/child.ts', import.meta.url);

/** Numbers 1 to `count` in an order that is always the same and looks like none. */
function shuffled(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1).sort(
    (a, b) => ((a * 7919) % 101) - ((b * 7919) % 101) || a - b,
  );
}

async function filesHold(directory: string, wanted: string | Buffer): Promise<string[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const found: string[] = [];
  for (const file of files) if ((await readFile(file)).includes(wanted)) found.push(file);
  return found;
}

/**
 * After a crash: every record of every batch up to the stored position is there, at least at that batch's version. Of
 * the next one a part may be there, in a store of several files also without what is noted of it: the bus hands it over
 * again, and that mends it.
 */
async function expectPositionHolds(c: TargetContext, position: number): Promise<void> {
  const wanted = new Map<string, number>();
  for (let n = 1; n <= position; n++) {
    for (const item of crashBatch(c.role, n).items) wanted.set(item.id, item.version);
  }
  const next = crashBatch(c.role, position + 1);
  const begun = new Set(next.items.map(({ id }) => id));
  const look = () => c.store.get(crashKeys.map((id) => ({ entity: c.entity, id })));
  for (const [i, record] of (await look()).entries()) {
    const id = crashKeys[i] ?? '';
    const version = wanted.get(id);
    if (version !== undefined) expect(record?.version ?? 0).toBeGreaterThanOrEqual(version);
    if (!begun.has(id)) expect(record?.fault).toBeUndefined();
  }
  await c.store.apply(next);
  for (const record of await look()) expect(record?.fault).toBeUndefined();
}

/** Concurrency, crashes, and erasure. */
export const hardshipCases: readonly TargetCase[] = [
  {
    name: '50 concurrent writers of one record end at the highest version',
    async run(c) {
      const results = await Promise.all(shuffled(50).map((version) => c.apply(c.item('a', version))));
      expect(results.flat().filter(({ outcome }) => outcome === 'refused')).toEqual([]);
      await c.expectHeld(c.item('a', 50));
    },
  },
  {
    name: '50 concurrent writers of which the last deletes',
    async run(c) {
      await Promise.all(
        shuffled(50).map((version) => c.apply(version === 50 ? c.deletion('a', 50) : c.item('a', version))),
      );
      await c.expectDeleted('a', 50);
    },
  },
  {
    name: 'concurrent batches of many records, reads in between',
    async run(c) {
      const ids = serialIds(100);
      const writers = shuffled(20).map((version) => c.apply(...ids.map((id) => c.item(id, version))));
      const readers = Array.from({ length: 10 }, () => c.scanAll(30));
      await Promise.all([...writers, ...readers]);
      const records = await c.scanAll();
      expect(records.map(({ id, version }) => [id, version])).toEqual(ids.map((id) => [id, 20]));
    },
  },
  {
    name: 'killed while applying, it holds what its position says',
    skip: needsDurability,
    async run(c) {
      let position = 0;
      for (const round of [1, 2, 3]) {
        await c.close();
        const child = startChild<number>(program, [
          c.facts.driver.module.href,
          c.role,
          c.directory,
          String(position + 1),
        ]);
        await child.message((n) => n >= position + round * 3);
        await child.kill();
        const confirmed = child.messages.at(-1) ?? 0;
        await c.open();
        position = (await c.store.positions()).find(({ partition }) => partition === 0)?.n ?? 0;
        expect(position).toBeGreaterThanOrEqual(confirmed);
        await expectPositionHolds(c, position);
        await c.store.refresh();
        expect((await c.scanAll()).filter(({ fault }) => fault !== undefined)).toEqual([]);
      }
    },
  },
  {
    name: 'after deletion and scrub no byte of the content is in the files',
    skip: needsDurability,
    async run(c) {
      const secret = 'zqxjkvwhisper';
      const { entity, field } = fieldOfType(c.role, 'text') ?? { entity: c.entity, field: '' };
      const vector = sampleVector(4711);
      const overrides = { [field]: `${secret} ${secret}s spoken ${'filler words '.repeat(2000)} ${secret}` };
      const place = fieldOfType(c.role, 'vector');
      const vectors = place === null ? [] : [c.item('v', 1, { [place.field]: vector }, place.entity)];
      await c.put(c.item('a', 1, overrides, entity), c.item('b', 1, overrides, entity), ...vectors, c.item('kept'));
      await c.put(c.item('b', 2, {}, entity), c.deletion('a', 2, entity));
      await c.put(...vectors.map((item) => c.deletion(item.id, 2, item.entity)));
      await c.store.scrub();
      expect(await filesHold(c.directory, secret)).toEqual([]);
      expect(await filesHold(c.directory, Buffer.from(vector, 'base64'))).toEqual([]);
      await c.expectHeld(c.item('b', 2, {}, entity));
      await c.expectHeld(c.item('kept'));
    },
  },
  {
    name: 'after a wipe no byte of the content is in the files',
    skip: needsDurability,
    async run(c) {
      const secret = 'zqxjkvwhisper';
      const { entity, field } = fieldOfType(c.role, 'text') ?? { entity: c.entity, field: '' };
      await c.put(...serialIds(50).map((id) => c.item(id, 1, { [field]: `${secret} ${id}` }, entity)));
      await c.store.wipe();
      expect(await filesHold(c.directory, secret)).toEqual([]);
    },
  },
];
