import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Drift, type Role, roles } from '@mindora/contracts';
import { silentLogger } from '@mindora/runtime';
import { type TemporaryDirectory, temporaryDirectory, until } from '@mindora/testing';
import { type VerifyOptions, verify } from '../src/verify/index.ts';
import { scheduleVerify } from '../src/verify/schedule.ts';
import { exchange, inShell, meddle, openVersion, type Version } from './verify-version.ts';
import { seeded } from './verify-world.ts';

const look: VerifyOptions = { stores: null, entities: null, repair: false, dryRun: false, waitMs: 20_000 };
const textFields: Partial<Record<Role, string>> = {
  relational: 'user_input',
  documents: 'user_input',
  fulltext: 'user_input',
  graph: 'userInput',
  vectors: 'userInput',
  personal: 'user_input',
};
const onDisk = Object.keys(textFields) as Role[];

let directory: TemporaryDirectory;
let version: Version;

beforeEach(async () => {
  directory = await temporaryDirectory();
  version = await openVersion(directory.path);
});

afterEach(async () => {
  await version.close();
  await directory.remove();
});

async function write(count: number): Promise<void> {
  const units = Array.from({ length: count }, (_, i) => [
    { op: 'insert' as const, entity: 'conversation' as const, row: exchange(`c${i}`, 'u1', `text number ${i}`) },
  ]);
  await version.primary.records.writeEach(units);
}

async function prepare(): Promise<void> {
  await write(30);
  const { records } = version.primary;
  await records.write([{ op: 'update', entity: 'conversation', id: 'c3', set: { user_input: 'newer' } }]);
  await records.write([{ op: 'delete', entity: 'conversation', id: 'c5' }]);
  const report = await verify(version.parts, look);
  expect({ agree: report.agree, stores: report.agree ? null : report.stores }).toEqual({ agree: true, stores: null });
}

/** Where a store keeps documents, and where versions. */
function filesOf(role: Role): { documents: string; register: string } {
  if (role !== 'personal')
    return { documents: directory.file(`${role}.sqlite`), register: directory.file(`${role}.sqlite`) };
  const folder = directory.file('personal');
  const listed = readdirSync(folder, { recursive: true }).map(String);
  const own = listed.find((name) => /\.(sqlite|db)$/.test(name) && !name.endsWith('index.sqlite'));
  return { documents: join(folder, own ?? ''), register: join(folder, 'index.sqlite') };
}

/** One drift of each kind, made in the store's own files. */
function damage(role: Role): void {
  const { documents, register } = filesOf(role);
  inShell(documents, (shell) => {
    const table = meddle(shell, role, 'conversation');
    table.remove('c1');
    if (role === 'graph') shell.exec("DELETE FROM edges WHERE owner_id = 'c1'");
    table.edit('c2', textFields[role] ?? '', 'by hand');
    table.copy('c4', 'x1');
    table.copy('c4', 'c5');
  });
  inShell(register, (shell) => {
    shell.exec("DELETE FROM _applied WHERE id = 'c1'");
    shell.exec("UPDATE _applied SET version = 1 WHERE id = 'c3'");
    shell.exec("UPDATE _applied SET version = 9 WHERE id = 'c6'");
  });
}

const kindsOf = (differences: readonly Drift[], store: Role): string[] =>
  differences
    // A store may also tell rows of its index that have no document; their ids begin with a hash.
    .filter((drift) => drift.store === store && !drift.id.startsWith('#'))
    .map(({ id, kind }) => `${id} ${kind}`)
    .sort();

describe('verify on the embedded engines', () => {
  test('finds and mends what was done to every file past the sync (A5.1, A5.2)', async () => {
    await prepare();
    for (const role of onDisk) damage(role);
    const found = await verify(version.parts, look);
    expect(found.agree).toBe(false);
    const expected = ['c1 missing', 'c2 different', 'c3 stale', 'c5 resurrected', 'c6 different', 'x1 extra'];
    for (const role of onDisk)
      expect({ role, kinds: kindsOf(found.differences, role) }).toEqual({ role, kinds: expected });
    const mended = await verify(version.parts, { ...look, repair: true });
    expect(mended.differences).toEqual([]);
    expect(mended.agree).toBe(true);
    // What needs a higher version in one store is sent to all of them, and mends the others on its way.
    for (const role of onDisk) expect(mended.stores[role]?.repaired).toBeGreaterThanOrEqual(4);
    const after = await verify(version.parts, look);
    expect({ agree: after.agree, differences: after.differences }).toEqual({ agree: true, differences: [] });
  });

  test('finds and removes relations with a dead end, and vectors of another making', async () => {
    await prepare();
    await version.stores.graph.relate('c1', 'lexical-v1', [{ id: 'c2', score: 0.9 }]);
    inShell(directory.file('graph.sqlite'), (shell) => {
      shell.exec("INSERT INTO related_to (from_id, to_id, model, score) VALUES ('c1', 'gone', 'lexical-v1', 0.5)");
      shell.exec("INSERT INTO related_to (from_id, to_id, model, score) VALUES ('c2', 'c1', 'older', 0.5)");
    });
    const found = await verify(version.parts, look);
    expect(found.differences.map(({ store, id, cause, repair }) => [store, id, cause, repair]).sort()).toEqual([
      ['graph', 'c1->gone', 'orphan', 'remove_relation'],
      ['graph', 'c2->c1', 'orphan', 'remove_relation'],
    ]);
    const mended = await verify(version.parts, { ...look, repair: true });
    expect(mended).toMatchObject({ agree: true, stores: { graph: { extra: 0, repaired: 2 } } });
    expect(await version.stores.graph.related('c1', 10, null)).toHaveLength(1);
  });

  test('adopts rows that the ledger does not know, and mends an embedding lost in the primary', async () => {
    await prepare();
    inShell(directory.file('primary.sqlite'), (shell) => {
      shell.exec("DELETE FROM _ledger WHERE entity = 'conversation' AND id = 'c7'");
      shell.exec("DELETE FROM embeddings WHERE id = (SELECT embedding_id FROM _embedding_refs WHERE record_id = 'c8')");
    });
    const report = await verify(version.parts, look);
    expect(report.ledger.adopted).toBe(1);
    expect(report.differences).toMatchObject([{ store: 'vectors', id: 'c8', kind: 'different', fields: ['vector'] }]);
    expect(await verify(version.parts, { ...look, repair: true })).toMatchObject({ agree: true, differences: [] });
    expect((await verify(version.parts, look)).agree).toBe(true);
  });

  test('runs on a schedule and keeps its last report (A5.2)', async () => {
    await prepare();
    await version.stores.relational.wipe();
    const scheduled = scheduleVerify(version.parts, { everyMs: 50, repair: true, waitMs: 20_000, log: silentLogger() });
    try {
      const report = await until(() => scheduled.last(), 30_000);
      expect(report.stores.relational?.checked).toBeGreaterThan(0);
      expect(scheduled.lastError()).toBeNull();
    } finally {
      await scheduled.stop();
    }
    expect(await version.stores.relational.get([{ entity: 'conversation', id: 'c1' }])).toMatchObject([{ version: 1 }]);
  });

  test('a cache that lost its memory is being filled again, not drifted', async () => {
    await prepare();
    await version.stores.cache.wipe();
    const report = await verify(version.parts, { ...look, stores: ['cache'] });
    expect({ differences: report.differences, agree: report.agree }).toEqual({ differences: [], agree: true });
    expect(report.stores.cache?.checked).toBe(30);
  });

  test('counts what is on its way to a store that rests as pending', async () => {
    await prepare();
    await version.sync.pause('graph');
    await version.primary.records.write([
      { op: 'insert', entity: 'conversation', row: exchange('late', 'u1', 'late') },
    ]);
    const report = await verify(version.parts, { ...look, waitMs: 300 });
    expect(report.stores.graph).toMatchObject({ pending: 1, missing: 0 });
    expect(report.stores.relational).toMatchObject({ pending: 0, missing: 0 });
    version.sync.resume('graph');
    expect((await verify(version.parts, look)).agree).toBe(true);
  });

  test('gives no false alarm while clients write, and a store is rebuilt', async () => {
    const seed = Date.now() % 1_000_000;
    const fraction = seeded(seed);
    await write(200);
    let writing = true;
    const { records } = version.primary;
    const writer = async (name: string): Promise<void> => {
      for (let i = 0; writing; i++) {
        const id = `c${Math.floor(fraction() ** 2 * 240)}`;
        const row = exchange(id, 'u1', `${name} ${i}`);
        const choice = fraction();
        const { user_input } = row;
        await records.writeEach([
          choice < 0.3
            ? [{ op: 'delete', entity: 'conversation', id }]
            : choice < 0.6
              ? [{ op: 'insert', entity: 'conversation', row }]
              : [{ op: 'update', entity: 'conversation', id, set: { user_input: user_input ?? '' } }],
        ]);
      }
    };
    const writers = [writer('a'), writer('b')];
    const rebuilt = version.sync.rebuild('documents');
    const reports = [await verify(version.parts, { ...look, waitMs: 2_000 })];
    await rebuilt;
    reports.push(await verify(version.parts, { ...look, waitMs: 2_000, repair: true }));
    writing = false;
    await Promise.all(writers);
    for (const { differences, stores } of reports) {
      const repaired = roles.reduce((sum, role) => sum + (stores[role]?.repaired ?? 0), 0);
      expect({ seed, differences, repaired }).toEqual({ seed, differences: [], repaired: 0 });
    }
    const after = await verify(version.parts, look);
    expect({ seed, agree: after.agree, stores: after.agree ? null : after.stores }).toEqual({
      seed,
      agree: true,
      stores: null,
    });
  });
});
