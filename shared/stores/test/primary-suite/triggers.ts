/** Whoever changes a row, by whatever statement, is captured (architecture, rules 2 and 3). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { insertUser } from './statement.ts';
import { statements } from './statements.ts';
import { clearAll, ledgerOf, startPrimary, type TestPrimary, world } from './world.ts';

let it: TestPrimary;
beforeAll(async () => {
  it = await startPrimary();
});
afterAll(() => it.end());

type Run = (sql: string) => Promise<void>;

const { shell } = world();
const runners: [string, Run][] = [['a second connection', (sql) => it.raw.exec(sql)]];
if (shell !== null) runners.push(['the shell', (sql) => shell(it, sql)]);
const { cases, ownerChanges, refused, setUp } = statements();

/** What became pending, with how much its version was raised. */
async function raised(sql: string, run: Run): Promise<Record<string, number>> {
  await clearAll(it);
  const before = await ledgerOf(it.raw, 'user');
  await run(sql);
  const changes: [string, number][] = [];
  for (const [id, { version, pending }] of await ledgerOf(it.raw, 'user')) {
    const difference = version - (before.get(id)?.version ?? 0);
    expect(pending).toBe(difference > 0);
    if (difference > 0) changes.push([id, difference]);
  }
  return Object.fromEntries(changes);
}

describe.each(runners)('changes by %s', (_name, run) => {
  beforeEach(async () => {
    await it.raw.exec("DELETE FROM users WHERE user_id NOT LIKE '%_001'");
    await it.raw.exec("DELETE FROM _ledger WHERE entity = 'user' AND id NOT LIKE '%_001'");
    await it.raw.exec(
      `INSERT ${insertUser('a', 'a@x')}; INSERT ${insertUser('b', 'b@x')}; INSERT ${insertUser('c', 'c@x')};`,
    );
  });

  test.each(cases)('%s', async (_what, sql, expected) => {
    expect(await raised(sql, run)).toEqual(expected);
  });

  test('a row typed without times, flags or generated key gets them', async () => {
    await run("INSERT INTO role_permissions (role_name, permission_code) VALUES ('guest', 'ai_access')");
    const [row] = await it.primary.records.find({ entity: 'role_permission', where: { role_name: 'guest' }, limit: 1 });
    expect(row).toMatchObject({ id: expect.stringMatching(/^[0-9a-f-]{32,36}$/), permission_code: 'ai_access' });
    expect(row?.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    await run("DELETE FROM role_permissions WHERE role_name = 'guest'");
  });

  test("a record's owner can't be changed", async () => {
    await run(ownerChanges.before);
    for (const sql of ownerChanges.attempts) await expect(run(sql)).rejects.toThrow(/owner of a record never changes/);
    expect(await it.primary.records.get({ entity: 'conversation', id: 'o1' })).toMatchObject({ user_id: 'u1' });
  });

  test('definitions hold for what is typed', async () => {
    await it.raw.exec(setUp);
    for (const sql of refused) await expect(run(sql)).rejects.toThrow(/constraint|incorrect/i);
  });
});
