/** Backups of a primary on a server, and restores to one: exact, of one position, whole or not there. */
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer as createProxy, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createBackup } from '@mindora/cli/backup/create';
import { unwatched } from '@mindora/cli/backup/ports';
import type { BackupRecord } from '@mindora/cli/backup/record';
import { type Restored, type RestoreOptions, restoreBackup } from '@mindora/cli/backup/restore';
import { rollBack } from '@mindora/cli/backup/rollback';
import { serverMigrations } from '@mindora/cli/backup/server/schema';
import { ServerSession } from '@mindora/cli/backup/server/session';
import { isBeingRestored, settleAll } from '@mindora/cli/backup/settle';
import { checkBackup } from '@mindora/cli/backup/stored';
import { guardUpgrade } from '@mindora/cli/backup/upgrade';
import { silentLogger, systemClock, systemRandom } from '@mindora/runtime';
import { Session } from '@mindora/stores/primary/mysql/session';
import { type RunningEngine, sharedEngine, startEngine } from '@mindora/testing/engines';
import { startChild, until } from '@mindora/testing/plain';
import { archivist } from '../support/backups.ts';
import { converse, newServerScene, type ServerScene } from '../support/server-backups.ts';

const ports = { clock: systemClock(), random: systemRandom(), archivist, steps: unwatched };

const backUp = ({ source }: ServerScene): Promise<BackupRecord> => createBackup(source, 'command', ports);

function restore(scene: ServerScene, record: BackupRecord, options: RestoreOptions = { replace: true }) {
  return restoreBackup(join(scene.source.backups, record.name), scene.source, options, ports);
}

/** What engines disagree about, or clients lose. */
const hardTexts = [
  '',
  ' a ',
  'A',
  'a',
  'it\'s \\ "quoted" `so`',
  '中文 𝒳 👩‍👩‍👧 \u200b',
  'x\u0000y',
  '\r\n\t',
  '?'.repeat(70_000),
];
const hardNumbers = ['5e-324', '1.7976931348623157e308', '0.1', '-0.30000000000000004', '123456789.12345679'];

async function fillWithHardValues({ shell, withPrimary }: ServerScene): Promise<void> {
  await withPrimary(async (primary) => {
    for (const [i, text] of hardTexts.entries()) await converse(primary, `text-${i}`, text);
    await converse(primary, 'gone');
    await primary.records.write([{ op: 'delete', entity: 'conversation', id: 'gone' }]);
  });
  const money = `INSERT INTO financial_records (id, user_id, transaction_type, amount, description, transaction_date, created_at)`;
  await shell(
    `${money} VALUES ('least', 'u', 'income', -9999999999999.99, NULL, '1000-01-01', '2026-01-31 12:00:00.000001')`,
  );
  await shell(`${money} VALUES ('none', 'u', 'expense', 0.00, '', '9999-12-31', '9999-12-31 23:59:59.999999')`);
  const analysis = `INSERT INTO ai_analysis_results (id, user_id, analysis_type, input_content, analysis_result, confidence_score, processing_time)`;
  for (const [i, number] of hardNumbers.entries()) {
    const json = `{"z": 1, "a": 1.10, "n": 123456789012345678901234567890, "s": "中"}`;
    await shell(`${analysis} VALUES ('n${i}', 'u', 't', 'x', '${json}', ${number}, 9223372036854775807)`);
  }
  // What somebody adds to a table is a part of it.
  await shell('ALTER TABLE ai_conversations ADD raw BLOB NULL, ADD bits BIT(9) NULL, ADD at_time TIME(6) NULL');
  await shell(
    "UPDATE ai_conversations SET raw = UNHEX('00FF80C3285C27'), bits = b'101010101', at_time = '-838:59:58.999999'",
  );
}

describe.each(['mariadb', 'mysql'] as const)('on %s', (name) => {
  let server: RunningEngine;
  let scene: ServerScene;

  beforeAll(async () => {
    server = await sharedEngine(name);
    scene = await newServerScene(server);
    await fillWithHardValues(scene);
  });
  afterAll(() => scene.remove());

  test('every value, every ledger line and every key comes back as it was, and a start leaves them so', async () => {
    const before = await scene.checksums();
    const root = await scene.root();
    const record = await backUp(scene);
    expect(record).toMatchObject({ engine: 'mysql', root, records: { conversation: hardTexts.length } });
    await checkBackup(join(scene.source.backups, record.name), archivist);
    expect(await scene.checksums()).toEqual(before);

    await scene.withPrimary(async (primary) => {
      await converse(primary, 'later');
      await primary.records.write([{ op: 'delete', entity: 'conversation', id: 'text-0' }]);
    });
    writeFileSync(scene.source.files.adminKey, 'a later key\n');
    await expect(restore(scene, record, {})).rejects.toThrow('give --replace');
    const { kept } = await restore(scene, record);
    expect(await scene.checksums()).toEqual(before);
    expect(readFileSync(scene.source.files.adminKey, 'utf8')).toBe('the first key\n');
    await scene.withPrimary(async () => undefined);
    expect([await scene.root(), await scene.checksums()]).toEqual([root, before]);
    expect(kept).toMatchObject({ replaced_by: record.name });
  });

  test('a rollback goes back to what a restore replaced, and another one undoes it', async () => {
    const old = await scene.checksums();
    const record = await backUp(scene);
    await scene.withPrimary((primary) => converse(primary, 'newest'));
    const newest = await scene.checksums();
    await restore(scene, record);
    expect(await scene.checksums()).toEqual(old);
    const { state } = await rollBack(scene.source, null, ports);
    expect([state.before, await scene.checksums()]).toEqual(['restore', newest]);
    await rollBack(scene.source, null, ports);
    expect(await scene.checksums()).toEqual(old);
  });

  test('an empty database takes a backup, made under load, with all that was acknowledged before it', async () => {
    const busy = await newServerScene(server);
    const empty = await newServerScene(server);
    try {
      const { acknowledged, record } = await busy.withPrimary((primary) =>
        whileWriting(
          (id) => converse(primary, id),
          () => backUp(busy),
        ),
      );
      const { kept } = await restoreBackup(join(busy.source.backups, record.name), empty.source, {}, ports);
      expect(kept).toBeNull();
      expect(await empty.root()).toBe(record.root);
      const ids = new Set((await empty.shell('SELECT id FROM ai_conversations')).map(({ id }) => String(id)));
      expect(acknowledged.filter((id) => !ids.has(id))).toEqual([]);
      for (const client of [0, 1, 2]) expectGapless([...ids].filter((id) => id.startsWith(`w${client}-`)));
      await empty.withPrimary(async () => undefined);
      expect(await empty.root()).toBe(record.root);
    } finally {
      await Promise.all([busy.remove(), empty.remove()]);
    }
  });
});

/** It is the state of one moment: of each client's writes the first so many. */
function expectGapless(ids: readonly string[]): void {
  const numbers = ids.map((id) => Number(id.slice(3)));
  expect(Math.max(...numbers)).toBe(numbers.length - 1);
}

/** Backs up while three clients write; what they had been told before it began. */
async function whileWriting(write: (id: string) => Promise<string>, backup: () => Promise<BackupRecord>) {
  const told: string[] = [];
  let isOver = false;
  const client = async (number: number): Promise<void> => {
    for (let n = 0; !isOver; n++) told.push(await write(`w${number}-${n}`));
  };
  const clients = Promise.all([0, 1, 2].map(client));
  await until(() => told.length >= 200, 30_000, 'writes');
  const acknowledged = [...told];
  const record = await backup();
  await until(() => told.length >= acknowledged.length + 50, 30_000, 'writes after the backup');
  isOver = true;
  await clients;
  return { acknowledged, record };
}

describe('a restore that is broken off', () => {
  const child = new URL('../support/server-backup-child.ts', import.meta.url);
  let scene: ServerScene;
  let record: BackupRecord;
  let old: Restored['record'];

  beforeAll(async () => {
    scene = await newServerScene(await sharedEngine('mariadb'));
    await scene.withPrimary((primary) => converse(primary, 'first'));
    record = await backUp(scene);
    await scene.withPrimary((primary) => converse(primary, 'second'));
    writeFileSync(scene.source.files.adminKey, 'the second key\n');
    old = await backUp(scene);
  });
  afterAll(() => scene.remove());

  async function runChild(step: number): Promise<readonly string[]> {
    const folder = join(scene.source.backups, record.name);
    const running = startChild<string>(child, [JSON.stringify(scene.source), folder, String(step)]);
    expect([step, await running.ended()]).toEqual([step, step === 0 ? 0 : null]);
    return running.messages;
  }

  /** The root and the key of what is there once somebody has asked for the version. */
  async function settled(): Promise<readonly string[]> {
    await settleAll(scene.source);
    expect(isBeingRestored(scene.source)).toBe(false);
    return [await scene.root(), readFileSync(scene.source.files.adminKey, 'utf8')];
  }

  test('before any of its steps leaves the old state up to the commit, then the new', async () => {
    const steps = await runChild(0);
    expect(await settled()).toEqual([record.root, 'the first key\n']);
    const commit = steps.indexOf('commit the rows');
    expect(steps.slice(commit - 3, commit)).toEqual([
      'remove the rows',
      'put rows in place',
      'put the ledger in place',
    ]);
    let isNew = true;
    for (const [at, step] of steps.entries()) {
      if (isNew) await restore(scene, old, { replace: true, discard: true });
      await runChild(at + 1);
      isNew = at > commit;
      const wanted = isNew ? [record.root, 'the first key\n'] : [old.root, 'the second key\n'];
      expect([step, await settled()]).toEqual([step, wanted]);
    }
  });

  test('by the loss of the server in the middle changes nothing, and tells so', async () => {
    const own = await startEngine('mariadb');
    const there = await newServerScene(own);
    try {
      await there.withPrimary((primary) => converse(primary, 'first'));
      const backup = await backUp(there);
      await there.withPrimary((primary) => converse(primary, 'second'));
      const root = await there.root();
      const folder = join(there.source.backups, backup.name);
      const reached = (step: string): void => {
        if (step === 'commit the rows') process.kill(own.pid, 'SIGKILL');
      };
      const breaking = restoreBackup(folder, there.source, { replace: true }, { ...ports, steps: { reached } });
      await expect(breaking).rejects.toMatchObject({ code: 'store_unavailable' });
      await own.kill();
      await own.restart();
      await settleAll(there.source);
      expect(await there.root()).toBe(root);
    } finally {
      await own.stop();
    }
  });

  test('because somebody else runs the version changes nothing', async () => {
    const root = await scene.root();
    await scene.withPrimary(async (primary) => {
      await primary.ledger.lease('somebody', 60_000);
      await expect(restore(scene, record)).rejects.toThrow('is running elsewhere');
      await primary.ledger.releaseLease('somebody');
    });
    expect(await scene.root()).toBe(root);
  });
});

describe('a server that closes the connection in good order while a statement is under way', () => {
  /** Leads to the server; once `close` was called it says that it ends, and sends nothing any more. */
  async function door(url: string): Promise<{ url: string; close(): void; remove(): void }> {
    const place = new URL(url);
    const port = Number(place.port);
    const nears: Socket[] = [];
    const proxy = createProxy((near) => {
      nears.push(near);
      const far = connect(port, place.hostname);
      near.on('error', () => undefined).on('close', () => far.destroy());
      far.on('error', () => undefined).on('data', (data) => near.writable && near.write(data));
      near.on('data', (data) => far.write(data));
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    place.port = String((proxy.address() as AddressInfo).port);
    const close = (): void => {
      for (const near of nears) near.end();
    };
    return { url: place.href, close, remove: () => proxy.close() };
  }

  const lost = { code: 'PROTOCOL_CONNECTION_LOST' };

  test.each([
    ['of a copy', (url: string) => ServerSession.open(url), 'SELECT SLEEP(20)'],
    ['of the primary', (url: string) => Session.open(url, 'READ COMMITTED'), 'SELECT SLEEP(19)'],
  ] as const)('fails the statement at once: %s', async (_whose, open, text) => {
    const scene = await newServerScene(await sharedEngine('mariadb'));
    const way = await door(scene.source.primary.kind === 'mysql' ? scene.source.primary.url : '');
    const session = await open(way.url);
    const asked = Promise.resolve(session.all(text, [])).catch((error: unknown) => error);
    const isAsked = async (): Promise<boolean> => {
      const list = await scene.shell('SHOW FULL PROCESSLIST');
      return list.some(({ Info }) => Info === text);
    };
    await until(isAsked, 10_000);
    const began = performance.now();
    way.close();
    expect(await asked).toMatchObject(lost);
    expect(performance.now() - began).toBeLessThan(10_000);
    session.close();
    way.remove();
    await scene.remove();
  });
});

describe('an upgrade', () => {
  const later = {
    name: 'Later1',
    down: async (runner: { query(text: string): Promise<unknown> }) =>
      void (await runner.query('DROP TABLE IF EXISTS later')),
  };
  const migrations = [...serverMigrations, later];

  test('is taken back with its tables, where the account may drop them', async () => {
    const scene = await newServerScene(await sharedEngine('mariadb'));
    try {
      await scene.withPrimary((primary) => converse(primary, 'before'));
      const backup = await createBackup(scene.source, 'upgrade', ports);
      await scene.shell('CREATE TABLE later (id INT PRIMARY KEY)');
      await scene.shell("INSERT INTO _migrations (timestamp, name) VALUES (1, 'Later1')");
      await scene.withPrimary((primary) => converse(primary, 'after'));
      await expect(guardUpgrade(scene.source, silentLogger())).rejects.toThrow('upgraded by a newer Mindora (Later1)');
      await expect(rollBack(scene.source, null, ports)).rejects.toThrow('upgraded by a newer Mindora (Later1)');
      await expect(rollBack(scene.source, null, ports, { migrations })).rejects.toThrow('no right to DROP');

      const able = {
        ...scene.source,
        primary: { kind: 'mysql', url: scene.database.adminUrl, allowUnsafe: true } as const,
      };
      const { state } = await rollBack(able, null, ports, { migrations });
      expect([state.name, await scene.root()]).toEqual([backup.name, backup.root]);
      expect(await scene.shell("SHOW TABLES LIKE 'later'")).toEqual([]);
      expect(await guardUpgrade(scene.source, silentLogger())).toBeNull();
    } finally {
      await scene.remove();
    }
  });

  test('is preceded by a backup; while the server is away it is not known whether one is due', async () => {
    const scene = await newServerScene(await sharedEngine('mariadb'));
    const away = { ...scene.source, primary: { kind: 'mysql', url: 'mysql://u:p@127.0.0.1:1/none' } as const };
    try {
      await scene.withPrimary((primary) => converse(primary, 'before'));
      await scene.shell('DELETE FROM _migrations');
      expect(await guardUpgrade(scene.source, silentLogger())).toMatchObject({ reason: 'upgrade', migrations: [] });
      expect(await guardUpgrade(away, silentLogger())).toBeNull();
      writeFileSync(scene.source.files.settings, '{}');
      writeFileSync(join(scene.source.files.directory, 'migrations.json'), '["Earlier1"]\n');
      await expect(guardUpgrade(away, silentLogger())).rejects.toThrow('start the server first');
    } finally {
      await scene.remove();
    }
  });
});
