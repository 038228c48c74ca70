/** Backup, restore and rollback killed before each of their steps: the old state or the new one, never a part. */
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { settleIfFree } from '@mindora/cli/backup/settle';
import { checkBackup, listBackups } from '@mindora/cli/backup/stored';
import { filesOf } from '@mindora/cli/compose/files';
import { startChild, type TemporaryDirectory, temporaryDirectory } from '@mindora/testing/plain';
import { archivist, column, rootOf, startWriters } from '../support/backups.ts';
import { mindora, mindoraJson, startVersion } from '../support/version.ts';

const child = new URL('../support/backup-child.ts', import.meta.url);
/** Each is a process that runs for some tenths of a second. */
const childrenAtOnce = 3;

let directory: TemporaryDirectory;
/** A version killed under load, with an older backup. */
let original: string;
let backup: string;
let oldRoot: string;
let newRoot: string;

beforeAll(async () => {
  directory = await temporaryDirectory();
  original = directory.file('original');
  const version = await startVersion(original);
  const { json } = await mindoraJson(original, ['backup']);
  const record = json.backup as { name: string; root: string };
  backup = record.name;
  newRoot = record.root;
  const writers = startWriters(version);
  await writers.more(50);
  await writers.stop();
  version.kill();
  await version.ended;
  oldRoot = rootOf(join(original, 'future')) ?? '';
  expect(readdirSync(join(original, 'future'))).toContain('primary.sqlite-wal');
  expect(oldRoot).not.toBe(newRoot);
});

afterAll(() => directory.remove());

/** A copy of a data directory of its own. */
function copyOf(data: string, name: string): string {
  const copy = directory.file(name);
  cpSync(data, copy, { recursive: true });
  return copy;
}

interface Run {
  readonly data: string;
  readonly steps: readonly string[];
}

/** Runs the child on a copy until before a step; 0: to its end. */
async function runChild(mode: string, data: string, step: number): Promise<Run> {
  const version = join(data, 'future');
  const folder = mode === 'restore' ? join(version, 'backups', backup) : join(version, 'backups');
  const process = startChild<string>(child, [mode, version, folder, String(step)]);
  const code = await process.ended();
  expect([mode, step, code]).toEqual([mode, step, step === 0 ? 0 : null]);
  return { data, steps: process.messages };
}

/** Kills it before each of its steps, on a copy each; a few at a time. */
async function killAtEach(
  mode: string,
  data: string,
  steps: readonly string[],
  check: (run: Run & { step: string; at: number }) => Promise<void>,
): Promise<void> {
  const queue = steps.map((step, index) => ({ step, at: index + 1 }));
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const copy = copyOf(data, `${basename(data)}-${mode}-${next.at}`);
      await check({ ...(await runChild(mode, copy, next.at)), ...next });
    }
  };
  await Promise.all(Array.from({ length: childrenAtOnce }, lane));
}

/** The root of what is there once somebody has asked for the version. */
async function rootAfter(data: string): Promise<string | null> {
  const files = filesOf(join(data, 'future'));
  await settleIfFree({ files, primary: { file: files.primary } });
  const left = readdirSync(files.directory).filter((name) => ['staging', 'exchange.json'].includes(name));
  expect(left).toEqual([]);
  for (const name of [files.secrets, files.adminKey, files.settings]) expect(existsSync(name)).toBe(true);
  return rootOf(files.directory);
}

test('a restore killed before any of its steps leaves the old state up to its decision, then the new', async () => {
  const whole = await runChild('restore', copyOf(original, 'whole'), 0);
  expect(await rootAfter(whole.data)).toBe(newRoot);
  const decision = whole.steps.indexOf('forget the decision');
  const decide = whole.steps.indexOf('decide');
  expect(whole.steps.slice(decide, decision)).toEqual(
    expect.arrayContaining(['move out primary.sqlite-wal', 'move in primary.sqlite']),
  );
  await killAtEach('restore', original, whole.steps, async ({ data, step, at }) => {
    expect([step, await rootAfter(data)]).toEqual([step, at - 1 <= decide ? oldRoot : newRoot]);
  });
  // What was replaced is whole too, its newest commits still in the log.
  const kept = join(whole.data, 'future/kept', readdirSync(join(whole.data, 'future/kept'))[0] ?? '');
  expect(rootOf(kept)).toBe(oldRoot);
});

test('a restore that is killed again and again while it is settled comes to its end', async () => {
  const { steps } = await runChild('restore', copyOf(original, 'counted'), 0);
  const data = copyOf(original, 'again');
  await runChild('restore', data, steps.indexOf('decide') + 2);
  // Each attempt gets three steps further: the fourth that it reaches ends it.
  for (let left = steps.length; left > 0; left--) {
    const process = startChild<string>(child, ['settle', join(data, 'future'), '', '4']);
    if ((await process.ended()) === 0) break;
  }
  expect(await rootAfter(data)).toBe(newRoot);
});

test('a rollback killed in the middle leaves one of the two states', async () => {
  const { data: restored } = await runChild('restore', copyOf(original, 'restored'), 0);
  const { steps, data } = await runChild('rollback', copyOf(restored, 'rolled-back'), 0);
  expect(await rootAfter(data)).toBe(oldRoot);
  const decide = steps.indexOf('decide');
  const some = ['decide', 'move out primary.sqlite', 'move in primary.sqlite-wal', 'remove what is empty'];
  for (const step of some) {
    const at = steps.indexOf(step) + 1;
    const killed = await runChild('rollback', copyOf(restored, `rollback-${at}`), at);
    expect([step, await rootAfter(killed.data)]).toEqual([step, at - 1 <= decide ? newRoot : oldRoot]);
  }
});

test('a backup killed before any of its steps is whole or not there, and the next one clears up', async () => {
  const { steps } = await runChild('backup', copyOf(original, 'backed-up'), 0);
  await killAtEach('backup', original, steps, async ({ data, step }) => {
    const folder = join(data, 'future/backups');
    const all = listBackups(folder, 'future');
    expect([step, all.length]).toEqual([step, step === 'say so' ? 2 : 1]);
    for (const one of all) await checkBackup(one.folder, archivist);
    await runChild('backup', data, 0);
    expect(listBackups(folder, 'future')).toHaveLength(all.length + 1);
    expect(readdirSync(folder).filter((name) => name.startsWith('.') && name !== '.future.lock')).toEqual([]);
  });
  // Neither a killed version's log nor a killed backup has changed what is there.
  expect(rootOf(join(original, 'future'))).toBe(oldRoot);
});

test('whatever command comes next carries a killed restore out', async () => {
  const { steps } = await runChild('restore', copyOf(original, 'told'), 0);
  const data = copyOf(original, 'commanded');
  await runChild('restore', data, steps.indexOf('move in secrets.json') + 1);
  const { code, output } = await mindora(data, ['verify']);
  expect([code, output]).toEqual([0, expect.stringMatching('every store agrees')]);
  expect(column(join(data, 'future/primary.sqlite'), 'SELECT COUNT(*) FROM ai_conversations')).toEqual([0]);
});
