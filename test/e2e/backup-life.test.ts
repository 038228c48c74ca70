/** What a running version does by itself: backups on a schedule, and before an upgrade. */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { BackupRecord } from '@mindora/cli/backup/record';
import { defaultRetention } from '@mindora/contracts';
import { migrations } from '@mindora/stores/primary/migrations/sqlite/index';
import { type TemporaryDirectory, temporaryDirectory, until } from '@mindora/testing/plain';
import Database from 'better-sqlite3';
import { column } from '../support/backups.ts';
import { launchVersion, mindora, mindoraJson, whenReady } from '../support/version.ts';

let directory: TemporaryDirectory;

beforeEach(async () => {
  directory = await temporaryDirectory();
});

afterEach(() => directory.remove());

const place = (...names: string[]): string => join(directory.path, 'future', ...names);

async function listed(): Promise<BackupRecord[]> {
  return (await mindoraJson(directory.path, ['backup', 'list'])).json.backups as BackupRecord[];
}

test('a schedule makes backups, keeps the newest, tells their age, and survives a folder that is gone', async () => {
  const everySecond = { MINDORA_BACKUP_EVERY_HOURS: String(1 / 3600), MINDORA_BACKUP_KEEP: '2' };
  const version = await whenReady(directory.path, launchVersion(directory.path, { environment: everySecond }));
  const names = (): string[] =>
    readdirSync(place()).includes('backups')
      ? readdirSync(place('backups')).filter((name) => !name.startsWith('.'))
      : [];
  const seen = new Set<string>();
  await until(
    () => {
      for (const name of names()) seen.add(name);
      // Between the making of one and the removal of another there is one more.
      return seen.size >= 4 && names().length === 2;
    },
    60_000,
    () => [...seen].join(),
  );
  const reasons = (await listed()).map((record) => record.reason);
  expect(new Set(reasons)).toEqual(new Set(['schedule']));
  const response = await fetch(`${version.url}/metrics`, { headers: { authorization: `Bearer ${version.adminKey}` } });
  const [, age] = /^mindora_backup_age_seconds\{.*\} ([\d.e-]+)$/m.exec(await response.text()) ?? [];
  expect(Number(age)).toBeLessThan(60);

  rmSync(place('gone'), { recursive: true, force: true });
  renameSync(place('backups'), place('gone'));
  writeFileSync(place('backups'), 'no folder');
  await until(
    () => version.log().includes('the scheduled backup failed'),
    60_000,
    () => version.log(),
  );
  expect((await fetch(`${version.url}/ready`)).status).toBe(200);
  expect(await version.stop()).toBe(0);
});

/** A primary as the first Mindora made it. */
async function makeOld(): Promise<string> {
  const [Initial] = migrations;
  if (Initial === undefined) throw new Error('no migration');
  mkdirSync(place(), { recursive: true });
  const database = new Database(place('primary.sqlite'));
  const run = { query: async (text: string) => database.exec(text) };
  await new Initial().up(run as unknown as Parameters<InstanceType<typeof Initial>['up']>[0]);
  database.exec(
    'CREATE TABLE "_migrations" (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, "timestamp" bigint NOT NULL, name varchar NOT NULL)',
  );
  database
    .prepare('INSERT INTO "_migrations" (timestamp, name) VALUES (?, ?)')
    .run(Number(Initial.name.slice(-13)), Initial.name);
  database.close();
  // Of a version that has run before.
  writeFileSync(
    place('secrets.json'),
    JSON.stringify({ jwt: 'j'.repeat(43), master: Buffer.alloc(32, 1).toString('base64') }),
  );
  const embedder = { url: null, model: null, dimensions: 384 };
  writeFileSync(place('settings.json'), JSON.stringify({ embedder, retention: defaultRetention }));
  return Initial.name;
}

const migrationsIn = (): unknown[] => column(place('primary.sqlite'), 'SELECT name FROM _migrations ORDER BY id');

test('an upgrade backs up first; a rollback goes back, and newer data is refused', async () => {
  const initial = await makeOld();
  const version = await whenReady(directory.path, launchVersion(directory.path));
  expect(await version.stop()).toBe(0);
  expect(migrationsIn()).toEqual(migrations.map(({ name }) => name));
  expect(await listed()).toEqual([expect.objectContaining({ reason: 'upgrade', migrations: [initial] })]);

  const { code, output, error } = await mindora(directory.path, ['rollback']);
  expect([code, output, error]).toEqual([
    0,
    expect.stringMatching('before the upgrade'),
    expect.stringMatching('This Mindora would upgrade it again'),
  ]);
  expect(migrationsIn()).toEqual([initial]);

  const database = new Database(place('primary.sqlite'));
  database.exec("INSERT INTO _migrations (timestamp, name) VALUES (1, 'Later1')");
  database.close();
  const launched = launchVersion(directory.path);
  expect(await launched.ended).toBe(1);
  expect(launched.log()).toMatch('was upgraded by a newer Mindora (Later1)');
});

test('an upgrade by command verifies; one that fails goes back', async () => {
  const initial = await makeOld();
  const check = await mindora(directory.path, ['upgrade', '--check']);
  expect([check.code, check.output]).toEqual([0, expect.stringMatching('would be upgraded by ')]);
  expect(migrationsIn()).toEqual([initial]);
  const database = new Database(place('primary.sqlite'));
  // In the way of what a later migration makes.
  database.exec('CREATE INDEX ix_ai_identities_kind ON users (username)');
  database.close();
  const failed = await mindora(directory.path, ['upgrade']);
  expect([failed.code, failed.error]).toEqual([1, expect.stringMatching(/is back at future-\d{8}T\d{9}Z/)]);
  expect(migrationsIn()).toEqual([initial]);
  expect(column(place('primary.sqlite'), "SELECT name FROM sqlite_master WHERE name LIKE 'ai_identities'")).toEqual([]);

  const free = new Database(place('primary.sqlite'));
  free.exec('DROP INDEX ix_ai_identities_kind');
  free.close();
  const { code, output } = await mindora(directory.path, ['upgrade']);
  expect([code, output]).toEqual([0, expect.stringMatching('every store agrees')]);
  expect(migrationsIn()).toEqual(migrations.map(({ name }) => name));
  expect((await mindora(directory.path, ['upgrade'])).output).toBe('version future has nothing to upgrade\n');
});
