/** An earlier database is taken over whole, however often the migration is killed, and is never written. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sharedEngine } from '@mindora/testing/engines';
import { type TemporaryDirectory, temporaryDirectory, until } from '@mindora/testing/plain';
import Database from 'better-sqlite3';
import { environmentWith } from '../support/config.ts';
import { type EarlierDatabase, earlierDatabase } from '../support/earlier.ts';
import { type CommandResult, mindora, mindoraJson, type RunningVersion, startVersion } from '../support/version.ts';

const main = join(import.meta.dirname, '../../scripts/src/main.ts');

interface TableReport {
  readonly read: number;
  readonly written: number;
  readonly there: number;
  readonly kept: number;
  readonly refused: number;
  readonly not_chosen: number;
  readonly changed: Record<string, number>;
  readonly refusals: { row: string; code: string; detail: string }[];
  readonly differing: { row: string; fields: string[] }[];
}

interface Report {
  readonly whole: boolean;
  readonly tables: Record<string, TableReport>;
  readonly left_out: { table: string; why: string }[];
  readonly notes: string[];
}

let earlier: EarlierDatabase;
const opened: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  earlier = await earlierDatabase(await sharedEngine('mariadb'), 4000);
  opened.push(() => earlier.remove());
});

afterAll(async () => {
  for (const close of opened.reverse()) await close();
});

const environment = (): Record<string, string> => ({ MINDORA_MIGRATE_URL: earlier.url });

async function newData(): Promise<{ directory: TemporaryDirectory; version: RunningVersion }> {
  const directory = await temporaryDirectory();
  opened.push(() => directory.remove());
  const version = await startVersion(directory.path);
  opened.push(() => version.stop());
  return { directory, version };
}

async function migrate(data: string, ...args: string[]): Promise<{ code: number | null; report: Report }> {
  const { code, json } = await mindoraJson(data, ['migrate', ...args], environment());
  return { code, report: json as unknown as Report };
}

const text = (data: string, url: string, ...args: string[]): Promise<CommandResult> =>
  mindora(data, ['migrate', ...args], { MINDORA_MIGRATE_URL: url });

/** What the primary's file holds of a table, without going through the version. */
function stored(data: string, table: string): Record<string, unknown> {
  const database = new Database(join(data, 'future/primary.sqlite'), { readonly: true });
  const row = database.prepare(`SELECT count(*) AS count, min(created_at) AS first FROM ${table}`).get();
  database.close();
  return row as Record<string, unknown>;
}

const countOf = (data: string, table: string): number => Number(stored(data, table).count);

/** Starts a migration in small steps and kills it when so many conversations are there. */
async function killedAt(data: string, conversations: number, ...args: string[]): Promise<void> {
  const child = spawn(process.execPath, [main, 'migrate', '--batch', '2', '--data', data, ...args], {
    stdio: 'ignore',
    env: environmentWith(environment()),
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await until(
    () => countOf(data, 'ai_conversations') >= conversations,
    60_000,
    () => `${conversations} conversations`,
  );
  child.kill('SIGKILL');
  await ended;
  expect(countOf(data, 'ai_conversations')).toBeLessThan(3999);
}

const checksum = (): Promise<Record<string, unknown>[]> =>
  earlier.query('CHECKSUM TABLE users, ai_conversations, ai_analysis_results, financial_records');

describe('into a running version', () => {
  let data: string;
  let version: RunningVersion;

  beforeAll(async () => {
    const made = await newData();
    data = made.directory.path;
    version = made.version;
  });

  test('a dry run tells everything and writes nothing', async () => {
    const { code, report } = await migrate(data, '--dry-run', '--time-zone', '+08:00');
    expect(code).toBe(1);
    expect(report.tables.ai_conversations).toMatchObject({ read: 4000, written: 3999, there: 0, refused: 1 });
    expect(report.tables.role_permissions).toMatchObject({ read: 3, written: 1, there: 1, refused: 1 });
    expect([countOf(data, 'ai_conversations'), countOf(data, 'users')]).toEqual([0, 2]);
  });

  test('killed at several points and begun again, loses nothing and stores nothing twice', async () => {
    const before = await checksum();
    for (const conversations of [20, 700, 2100]) await killedAt(data, conversations);
    const { code, report } = await migrate(data);
    expect(code).toBe(1);
    const { ai_conversations: conversations, ai_analysis_results: analyses, users, financial_records } = report.tables;
    expect((conversations?.written ?? 0) + (conversations?.there ?? 0)).toBe(3999);
    expect(conversations?.there).toBeGreaterThanOrEqual(2100);
    expect(analyses).toMatchObject({ read: 2000, written: 1999, refused: 1 });
    expect(users).toMatchObject({ read: 41, refused: 0, kept: 0 });
    expect(financial_records).toMatchObject({ read: 60, refused: 0 });
    expect(countOf(data, 'ai_conversations')).toBe(3999);
    expect(countOf(data, 'ai_analysis_results')).toBe(1999);
    expect(await checksum()).toEqual(before);
  });

  test('the report names rows, reasons and changes, and no content', async () => {
    const { report } = await migrate(data);
    const { tables } = report;
    for (const { written } of Object.values(tables)) expect(written).toBe(0);
    expect(tables.ai_conversations?.refusals).toEqual([
      { row: '7', code: 'invalid_request', detail: 'model_name: must not be empty' },
    ]);
    expect(tables.ai_analysis_results?.refusals).toMatchObject([{ row: '9', detail: expect.stringMatching(/score/) }]);
    expect(tables.ai_analysis_results?.changed['analysis_result: JSON in a text of JSON became what it holds']).toBe(1);
    expect(tables.ai_conversations?.changed['created_at: had no zone, and was taken as +00:00']).toBe(4000);
    expect(tables.users?.changed).toMatchObject({ 'role: null became user, the default': 1 });
    expect(tables.financial_records?.changed['category: an empty text became null']).toBe(1);
    expect(tables.system_configs).toMatchObject({ kept: 1, there: 1 });
    expect(tables.system_configs?.differing).toEqual([{ row: '1', fields: expect.arrayContaining(['config_value']) }]);
    expect(report.left_out).toEqual([expect.objectContaining({ table: 'login_attempts' })]);
    expect(report.notes).toEqual([]);
    expect(JSON.stringify(report)).not.toMatch(/answer \d|example\.com|gAAAAA|\$2b/);
  });

  test('ids, times and amounts are the earlier ones, and every store agrees', async () => {
    const get = async (path: string): Promise<Record<string, Record<string, unknown>>> => {
      const response = await fetch(version.url + path, { headers: { authorization: `Bearer ${version.adminKey}` } });
      return (await response.json()) as Record<string, Record<string, unknown>>;
    };
    const { conversation } = await get('/api/v1/ai/conversation/61');
    expect(conversation).toMatchObject({
      user_id: 'u21',
      user_input: '问题 61',
      context: { n: 61 },
      created_at: '2026-11-01T08:01:07.000000Z',
    });
    expect((await get('/api/v1/admin/financial_records/12')).item).toMatchObject({ amount: '12.50', currency: 'CNY' });
    expect((await get('/api/v1/admin/ai_service_configs/1')).item).toMatchObject({ has_api_key: false });
    const { code, json } = await mindoraJson(data, ['verify']);
    expect([code, json.agree, json.differences]).toEqual([0, true, []]);
  });

  test('the earlier database may go meanwhile, be somewhere else, or refuse', async () => {
    const child = text(data, earlier.url, '--batch', '10');
    const reader = `SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = 'r_${earlier.name.slice(-12)}'`;
    const id = await until(
      async () => (await earlier.query(reader))[0]?.id ?? null,
      30_000,
      () => 'the reader',
    );
    await earlier.query(`KILL CONNECTION ${Number(id)}`);
    expect(await child).toMatchObject({
      code: 1,
      error: expect.stringMatching('store_unavailable: the earlier database'),
    });
    const wrong = earlier.url.replace(/:r_\w+@/, ':wrong@');
    const refused = await text(data, wrong);
    expect([refused.code, refused.error]).toEqual([1, expect.stringMatching('refuses the account')]);
    expect(refused.error).not.toMatch('wrong');
    const nowhere = await text(data, 'mysql://u:p@127.0.0.1:1/ai_main_db');
    expect([nowhere.code, nowhere.error]).toEqual([1, expect.stringMatching('store_unavailable')]);
    const unset = await mindora(data, ['migrate']);
    expect([unset.code, unset.error]).toEqual([1, expect.stringMatching('MINDORA_MIGRATE_URL')]);
  });
});

test('users are split between versions, a stopped one may be killed too, and more rights than needed are told', async () => {
  const some = Array.from({ length: 15 }, (_, n) => `u${n}`);
  const parts: Record<string, number>[] = [];
  for (const option of ['--users', '--except-users']) {
    const { directory, version } = await newData();
    const file = directory.file('users.txt');
    writeFileSync(file, some.join('\n'));
    await version.stop();
    if (option === '--users') await killedAt(directory.path, 100, option, file);
    const { json } = await mindoraJson(directory.path, ['migrate', option, file], {
      MINDORA_MIGRATE_URL: earlier.admin.adminUrl,
    });
    const { tables, notes } = json as unknown as Report;
    expect(notes).toEqual([expect.stringMatching('may do more than read')]);
    expect(tables.permissions).toMatchObject({ not_chosen: 0 });
    parts.push({ users: countOf(directory.path, 'users'), conversations: countOf(directory.path, 'ai_conversations') });
    expect((await mindora(directory.path, ['verify'])).code).toBe(0);
  }
  // 15 and 25 users beside the first two; of those 15, one conversation is refused.
  expect(parts).toEqual([
    { users: 17, conversations: 1499 },
    { users: 27, conversations: 2500 },
  ]);
});
