/** A whole version on real engines, backed up under load, lost, restored and rolled back by the commands. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BackupRecord } from '@mindora/cli/backup/record';
import { connectMysql } from '@mindora/testing/engines';
import { until } from '@mindora/testing/plain';
import { startWriters } from '../support/backups.ts';
import { type OwnEngines, startOwnEngines } from '../support/own-engines.ts';
import { launchVersion, mindora, mindoraJson, type RunningVersion, whenReady } from '../support/version.ts';

const commandMs = 240_000;

let engines: OwnEngines;
let version: RunningVersion;

const place = (...names: string[]): string => join(engines.data, 'future', ...names);

function writeAddresses(): void {
  mkdirSync(place(), { recursive: true, mode: 0o700 });
  const { MINDORA_ENGINES: _kind, ...addresses } = engines.environment;
  const lines = Object.entries(addresses).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(place('engines.env'), lines.join(''), { mode: 0o600 });
}

async function start(): Promise<RunningVersion> {
  return whenReady(engines.data, launchVersion(engines.data));
}

async function idsInPrimary(): Promise<Set<string>> {
  const shell = await connectMysql(engines.environment.MINDORA_PRIMARY_URL ?? '');
  try {
    return new Set((await shell.query('SELECT id FROM ai_conversations')).map(({ id }) => String(id)));
  } finally {
    await shell.close();
  }
}

/** As a Mindora would have left it that hadn't the last one yet; each may be run again. */
async function forgetLastMigration(): Promise<string> {
  const shell = await connectMysql(engines.environment.MINDORA_PRIMARY_URL ?? '');
  try {
    const [last] = await shell.query('SELECT name FROM _migrations ORDER BY id DESC LIMIT 1');
    await shell.query(`DELETE FROM _migrations WHERE name = '${last?.name}'`);
    return String(last?.name);
  } finally {
    await shell.close();
  }
}

describe.each(['nats', 'rabbitmq'] as const)('over %s', (bus) => {
  beforeAll(async () => {
    engines = await startOwnEngines(bus);
    writeAddresses();
    version = await start();
  }, commandMs);

  afterAll(async () => {
    version.kill();
    await version.ended;
    await engines.close();
  }, commandMs);

  test(
    'comes back with all that was acknowledged, and every store agrees',
    async () => {
      const writers = startWriters(version, 3);
      await writers.more(60);
      const before = [...writers.acknowledged];
      const { json } = await mindoraJson(engines.data, ['backup', '--to', join(engines.data, 'elsewhere')]);
      const record = json.backup as BackupRecord;
      expect(record).toMatchObject({ engine: 'mysql', version: 'future' });
      await writers.more(60);
      await writers.stop();
      const healthy = async (): Promise<string | null> => {
        const { code, output } = await mindora(engines.data, ['status']);
        return code === 0 ? output : null;
      };
      expect(await until(healthy, 60_000)).toMatch('backup: ');
      expect((await mindora(engines.data, ['doctor', '--engines', 'real'])).output).toMatch(/backup .*none yet/);
      // Batches that were on their way to the stores are of the state that goes.
      version.kill();
      await version.ended;
      const all = await idsInPrimary();
      rmSync(place(), { recursive: true });
      writeAddresses();

      const folder = join(engines.data, 'elsewhere', record.name);
      const refused = await mindora(engines.data, ['restore', folder, '--engines', 'real']);
      expect([refused.code, refused.error]).toEqual([1, expect.stringMatching('give --replace')]);
      const restored = await mindoraJson(engines.data, ['restore', folder, '--engines', 'real', '--replace']);
      const verified = restored.json.verify as { agree: boolean; ledger: { root: string } };
      expect({ code: restored.code, agree: verified?.agree }).toEqual({ code: 0, agree: true });
      const ids = await idsInPrimary();
      expect(before.filter((id) => !ids.has(id))).toEqual([]);
      expect(ids.size).toBe(record.records.conversation);
      expect(all.size).toBeGreaterThan(ids.size);

      const back = await mindoraJson(engines.data, ['rollback']);
      expect({ code: back.code, agree: (back.json.verify as { agree: boolean })?.agree }).toEqual({
        code: 0,
        agree: true,
      });
      expect(await idsInPrimary()).toEqual(all);

      version = await start();
      expect((await mindora(engines.data, ['verify'])).code).toBe(0);
    },
    commandMs,
  );

  test(
    'is backed up by its schedule',
    async () => {
      expect(await version.stop()).toBe(0);
      const seen = new Set(readdirSync(place('backups')));
      const environment = { MINDORA_BACKUP_EVERY_HOURS: String(2 / 3600) };
      version = await whenReady(engines.data, launchVersion(engines.data, { environment }));
      await until(
        () => readdirSync(place('backups')).some((name) => !name.startsWith('.') && !seen.has(name)),
        60_000,
        () => version.log(),
      );
    },
    commandMs,
  );

  test(
    'is upgraded by the command, with a backup before it and a verify after it',
    async () => {
      expect(await version.stop()).toBe(0);
      const last = await forgetLastMigration();
      const check = await mindora(engines.data, ['upgrade', '--check']);
      expect([check.code, check.output]).toEqual([0, expect.stringMatching(`would be upgraded by .*${last}`)]);
      const { code, output } = await mindora(engines.data, ['upgrade']);
      expect([code, output]).toEqual([0, expect.stringMatching('every store agrees')]);
      const { json } = await mindoraJson(engines.data, ['backup', 'list']);
      expect(json.backups).toContainEqual(expect.objectContaining({ reason: 'upgrade' }));
      expect((await mindora(engines.data, ['upgrade'])).output).toBe('version future has nothing to upgrade\n');
    },
    commandMs,
  );
});
