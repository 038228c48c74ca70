/** Backups and restores of embedded versions, as a person makes them (A3.3, C20). */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { listKept } from '@mindora/cli/backup/exchange';
import { stateParts } from '@mindora/cli/backup/layout';
import { unwatched } from '@mindora/cli/backup/ports';
import type { BackupRecord } from '@mindora/cli/backup/record';
import { restoreBackup } from '@mindora/cli/backup/restore';
import { filesOf } from '@mindora/cli/compose/files';
import { systemClock, systemRandom } from '@mindora/runtime';
import { type TemporaryDirectory, temporaryDirectory, until } from '@mindora/testing/plain';
import { archivist, column, startWriters, treeOf, writeOne } from '../support/backups.ts';
import { launchVersion, mindora, mindoraJson, type RunningVersion, startVersion } from '../support/version.ts';

const samples = join(import.meta.dirname, '../../samples/conversations.jsonl');

let directory: TemporaryDirectory;
let version: RunningVersion;

const place = (...names: string[]): string => join(directory.path, ...names);
const run = (...args: string[]) => mindora(directory.path, args);
const json = (...args: string[]) => mindoraJson(directory.path, args);

async function backUp(...args: string[]): Promise<BackupRecord> {
  const { code, json: answer } = await json('backup', ...args);
  expect(code).toBe(0);
  return answer.backup as BackupRecord;
}

/** Runs the other versions for a moment, so that they have files of their own. */
async function makeNeighbours(): Promise<void> {
  for (const name of ['dao', 'blockchain']) {
    const neighbour = launchVersion(directory.path, { args: ['--version', name] });
    await until(
      () => existsSync(place(name, 'running.json')),
      60_000,
      () => neighbour.log(),
    );
    await neighbour.stop();
  }
}

beforeAll(async () => {
  directory = await temporaryDirectory();
  version = await startVersion(directory.path);
  await run('import', samples);
  await makeNeighbours();
});

afterAll(async () => {
  version.kill();
  await version.ended;
  await directory.remove();
});

describe('a backup', () => {
  test('of a version at rest has the root that verify prints, and is its owner’s alone', async () => {
    const { json: report } = await json('verify');
    const record = await backUp();
    expect(record).toMatchObject({ version: 'future', reason: 'command', engine: 'sqlite' });
    expect(record.root).toBe((report.ledger as { root: string }).root);
    expect(record.records.conversation).toBe(24);
    const folder = place('future/backups', record.name);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const files = readdirSync(folder).sort();
    expect(files).toEqual(
      ['admin.key', 'backup.json', 'manifest.json', 'primary.sqlite', 'secrets.json', 'settings.json'].sort(),
    );
    for (const file of files) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  });

  test('is listed, and read through', async () => {
    const list = await run('backup', 'list');
    const [, name = ''] = /^(future-\d{8}T\d{9}Z) +command +\d+ +\d+ +[\d.]+ .iB$/m.exec(list.output) ?? [];
    expect(await json('backup', 'verify', name)).toMatchObject({ code: 0, json: { whole: true, backup: { name } } });
  });

  test('is told by doctor, with its age and what is planned', async () => {
    const { output } = await run('doctor');
    expect(output).toMatch(/backup +ok +future-\d{8}T\d{9}Z, \d+ (s|min) old, [\d.]+ .iB \(planned every 24 h\)/);
  });

  test('knows every file of a version: as part of the state, or of the place', () => {
    const ofThePlace = ['backups', 'lock.sqlite', 'lock.sqlite-journal', 'metrics.key', 'running.json'];
    const found = readdirSync(place('future'));
    expect(found.filter((name) => !stateParts.includes(name) && !ofThePlace.includes(name))).toEqual([]);
  });
});

test('a version backed up under load and lost with all its files comes back, with all that was acknowledged', async () => {
  const neighbours = [treeOf(place('dao')), treeOf(place('blockchain'))];
  const elsewhere = place('elsewhere');
  const writers = startWriters(version);
  await writers.more(100);
  const before = [...writers.acknowledged];
  const record = await backUp('--to', elsewhere);
  await writers.more(100);
  await writers.stop();
  version.kill();
  await version.ended;
  rmSync(place('future'), { recursive: true });

  const { code, json: answer } = await json('restore', join(elsewhere, record.name));
  expect({ code, agree: (answer.verify as { agree: boolean }).agree, kept: answer.kept }).toEqual({
    code: 0,
    agree: true,
    kept: null,
  });
  const ids = new Set(column(place('future/primary.sqlite'), 'SELECT id FROM ai_conversations'));
  expect(before.filter((id) => !ids.has(id))).toEqual([]);
  expect(ids.size).toBe(record.records.conversation);
  // It is the state of one moment: of each client's writes the first so many.
  for (const client of [0, 1, 2, 3]) {
    const numbers = [...ids].flatMap((id) => /^w(\d)-(\d+)$/.exec(String(id))?.slice(1).map(Number) ?? []);
    const own = numbers.filter((_, at) => at % 2 === 1 && numbers[at - 1] === client);
    expect(Math.max(...own)).toBe(own.length - 1);
  }
  expect([treeOf(place('dao')), treeOf(place('blockchain'))]).toEqual(neighbours);
  expect(Object.keys(neighbours[1] ?? {})).toEqual(
    expect.arrayContaining(['primary.sqlite', 'stores/fulltext.sqlite']),
  );

  version = await startVersion(directory.path);
  expect((await run('verify')).code).toBe(0);
});

describe('a restore', () => {
  let backup: string;
  let spare: string;

  beforeAll(async () => {
    backup = (await backUp()).name;
    spare = place('spare');
    cpSync(place('future/backups', backup), join(spare, backup), { recursive: true });
  });

  test('refuses a version that runs', async () => {
    const { code, error } = await run('restore', backup);
    expect([code, error]).toEqual([1, expect.stringMatching('is running; stop it first')]);
  });

  test('keeps the state before, which a rollback brings back, and another one takes away', async () => {
    await writeOne(version, 'later', 'late-user');
    const later = (): number =>
      column(place('future/primary.sqlite'), "SELECT 1 FROM ai_conversations WHERE user_id = 'late-user'").length;
    expect(later()).toBe(1);
    // As a power cut: the newest commits are in the log alone.
    version.kill();
    await version.ended;
    const { code, output } = await run('restore', backup);
    expect([code, output]).toEqual([0, expect.stringMatching(/^the state before is kept as before-restore-/m)]);
    expect(later()).toBe(0);
    expect((await run('rollback')).code).toBe(0);
    expect(later()).toBe(1);
    expect((await run('rollback', '--no-verify')).code).toBe(0);
    expect(later()).toBe(0);
    expect(listKept(filesOf(place('future'))).map(({ name }) => name)).toEqual([
      expect.stringMatching(/^before-rollback-/),
    ]);
    expect((await run('rollback', '--discard')).output).toBe('1 states removed\n');
    expect((await run('rollback')).code).toBe(1);
  });

  test('of what is damaged, lacking, newer or another version’s changes nothing', async () => {
    const state = treeOf(place('future'));
    const damage: Record<string, (folder: string) => void> = {
      'its content has changed': (folder) => flipBit(join(folder, 'primary.sqlite')),
      'secrets.json is missing': (folder) => rmSync(join(folder, 'secrets.json')),
      'backup.json is damaged': (folder) => writeFileSync(join(folder, 'backup.json'), '{"format":1}'),
      'of a newer Mindora': (folder) => edit(folder, { migrations: ['Later1'] }),
      'is of version dao': (folder) => edit(folder, { version: 'dao' }),
      'there is no backup': (folder) => rmSync(folder, { recursive: true }),
    };
    const files = filesOf(place('future'));
    const bus = { kind: 'embedded', file: files.bus } as const;
    const own = { version: 'future', files, primary: { file: files.primary }, manifest: '{}\n' };
    const target = { ...own, bus, backups: place('future/backups') };
    const ports = { clock: systemClock(), random: systemRandom(), archivist, steps: unwatched };
    for (const [message, hurt] of Object.entries(damage)) {
      const folder = place('hurt', backup);
      rmSync(place('hurt'), { recursive: true, force: true });
      cpSync(join(spare, backup), folder, { recursive: true });
      hurt(folder);
      const restoring = restoreBackup(folder, target, {}, ports);
      await expect(restoring).rejects.toThrow(message);
    }
    expect(treeOf(place('future'))).toEqual(state);
  });

  function flipBit(file: string): void {
    const bytes = readFileSync(file);
    bytes[bytes.length - 100] = (bytes.at(-100) ?? 0) ^ 1;
    writeFileSync(file, bytes);
  }

  function edit(folder: string, change: object): void {
    const file = join(folder, 'backup.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...change }));
  }

  test('as another version gives it keys of its own', async () => {
    const { code, json: answer } = await json('restore', backup, '--as', 'dao', '--no-verify');
    expect([code, answer.restored]).toEqual([0, backup]);
    const keyOf = (name: string): string => readFileSync(place(name, 'secrets.json'), 'utf8');
    expect(keyOf('dao')).not.toBe(keyOf('future'));
    expect(existsSync(place('dao/admin.key'))).toBe(false);
    expect(column(place('dao/primary.sqlite'), 'SELECT id FROM api_keys WHERE revoked_at IS NULL')).toEqual([]);
    expect(column(place('future/primary.sqlite'), 'SELECT id FROM api_keys WHERE revoked_at IS NULL')).toHaveLength(1);
  });

  test('erases again who was erased since', async () => {
    const talk = (): number =>
      column(place('future/primary.sqlite'), "SELECT 1 FROM ai_conversations WHERE user_id = 'writer'").length;
    expect(talk()).toBeGreaterThan(0);
    expect((await run('erase', '--user', 'writer')).code).toBe(0);
    const { code, json: answer } = await json('restore', backup, '--discard', '--no-verify');
    expect([code, answer.erasures_repeated, answer.kept]).toEqual([0, 1, null]);
    version = await startVersion(directory.path);
    await until(() => talk() === 0, 30_000, 'an erasure that is repeated');
    expect((await run('verify')).code).toBe(0);
  });

  test('says what is not there', async () => {
    const nowhere = place('nowhere');
    mkdirSync(nowhere);
    for (const args of [['backup'], ['restore', 'future-none']]) {
      const { code, error } = await mindora(nowhere, args);
      expect([args, code, error]).toEqual([
        args,
        1,
        expect.stringMatching(/not_found: (there is no|no earlier state)/),
      ]);
    }
  });
});
