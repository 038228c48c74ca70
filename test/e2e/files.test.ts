/** Whole files of embedded engines, damaged, deleted and put back (rules 1 and 8). */
import { copyFileSync, existsSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { until } from '@mindora/testing/plain';
import type { Files } from '../support/by-hand/files.ts';
import { type Filled, startFilled } from '../support/filled.ts';
import {
  type LaunchedVersion,
  launchVersion,
  mindora,
  mindoraJson,
  startVersion,
  whenReady,
} from '../support/version.ts';

// Of a busy machine; on a quiet one the whole file takes a minute.
jest.setTimeout(600_000);

let filled: Filled;
let files: Files;
let version: LaunchedVersion;

beforeAll(async () => {
  filled = await startFilled();
  ({ version } = filled);
  ({ files } = filled.hands);
  await version.stop();
});

afterAll(async () => {
  await version.stop();
  await filled.directory.remove();
});

describe('files', () => {
  test('damaged ones keep nothing else down, are told, and are made anew by rebuild', async () => {
    const data = filled.directory.path;
    writeFileSync(files.path('relational'), 'no database '.repeat(10_000));
    truncateSync(files.path('graph'), 20_000);
    writeFileSync(files.path('personal'), 'no register');
    writeFileSync(files.path('credit'), 'no database '.repeat(10_000));
    version = launchVersion(data);
    const running = join(data, 'future/running.json');
    await until(
      async () => existsSync(running),
      120_000,
      () => `the version: ${version.log()}`,
    );
    const brokenStores = async (): Promise<{ store: string; detail: string }[]> => {
      const status = await mindoraJson(data, ['status']);
      expect(status.code).toBe(1);
      const stores = status.json.stores as { store: string; healthy: boolean; detail: string }[];
      return stores.filter(({ healthy }) => !healthy);
    };
    const damaged = ['credit', 'graph', 'personal', 'relational'];
    // The others may still be looked through, or filled.
    const broken = await until(async () => {
      const stores = await brokenStores();
      return (
        stores
          .map(({ store }) => store)
          .sort()
          .join() === damaged.join() && stores
      );
    }, 60_000);
    expect(broken[0]?.detail).toMatch(/mindora rebuild --store relational/);
    const { code, report } = await filled.verify('--wait', '1');
    expect([code, report.stores.documents?.error, report.stores.relational?.error?.detail]).toEqual([
      2,
      null,
      expect.stringMatching('SQLITE_NOTADB'),
    ]);
    for (const store of ['relational', 'graph', 'personal', 'credit']) {
      expect((await mindora(data, ['rebuild', '--store', store])).code).toBe(0);
    }
    await whenReady(data, version);
    await filled.expectAgreement();
  });

  test.each(['documents', 'governance'] as const)('%s deleted while it is open is filled again', async (role) => {
    const file = files.path(role);
    for (const ending of ['', '-wal', '-shm']) rmSync(file + ending, { force: true });
    await until(
      async () => existsSync(file) && (await mindora(filled.directory.path, ['status'])).code === 0,
      60_000,
      () => 'a new file',
    );
    await filled.expectAgreement();
  });

  test.each(['fulltext', 'identity'] as const)('an older copy in place of %s is noticed', async (role) => {
    await version.stop();
    const kept = join(filled.directory.path, 'older.sqlite');
    copyFileSync(files.path(role), kept);
    version = await startVersion(filled.directory.path);
    await filled.hands.write(
      `UPDATE ai_conversations SET ai_response = 'later' WHERE id LIKE 'talk-1%'`,
      `UPDATE recommendations SET reason = 'later' WHERE id LIKE 'recommendation-1%'`,
    );
    await filled.expectAgreement();
    await version.stop();
    copyFileSync(kept, files.path(role));
    version = await startVersion(filled.directory.path);
    await filled.expectAgreement();
  });
});
