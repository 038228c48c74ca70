/** Whoever changes a row, by whatever statement, is captured (architecture, rules 2 and 3). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { clearAll, hasShell, ledgerOf, shell, startPrimary, type TestPrimary } from './support/primary.ts';

let it: TestPrimary;
beforeAll(async () => {
  it = await startPrimary();
});
afterAll(() => it.end());

const insertUser = (id: string, email: string) =>
  `INTO users (user_id, username, email) VALUES ('${id}', '${id}', '${email}')`;

const runners: [string, (sql: string) => void][] = [['a second connection', (sql) => it.raw.exec(sql)]];
if (hasShell) runners.push(['the shell', (sql) => shell(it.file, sql)]);

/** What became pending, with how much its version was raised. */
async function raised(sql: string, run: (sql: string) => void): Promise<Record<string, number>> {
  await clearAll(it);
  const before = ledgerOf(it.raw, 'user');
  run(sql);
  const changes: [string, number][] = [];
  for (const [id, { version, pending }] of ledgerOf(it.raw, 'user')) {
    const difference = version - (before.get(id)?.version ?? 0);
    expect(pending).toBe(difference > 0);
    if (difference > 0) changes.push([id, difference]);
  }
  return Object.fromEntries(changes);
}

describe.each(runners)('changes by %s', (_name, run) => {
  beforeEach(() => {
    it.raw.exec("DELETE FROM users WHERE user_id NOT LIKE '%_001'");
    it.raw.exec("DELETE FROM _ledger WHERE entity = 'user' AND id NOT LIKE '%_001'");
    it.raw.exec(
      `INSERT ${insertUser('a', 'a@x')}; INSERT ${insertUser('b', 'b@x')}; INSERT ${insertUser('c', 'c@x')};`,
    );
  });

  const cases: [string, string, Record<string, number>][] = [
    ['insert', `INSERT ${insertUser('d', 'd@x')}`, { d: 1 }],
    ['insert of several rows', `INSERT ${insertUser('d', 'd@x')}, ('e', 'e', 'e@x')`, { d: 1, e: 1 }],
    ['update', "UPDATE users SET username = 'z' WHERE user_id = 'a'", { a: 1 }],
    ['update of several rows', "UPDATE users SET username = 'z' WHERE user_id IN ('a', 'b')", { a: 1, b: 1 }],
    ['delete', "DELETE FROM users WHERE user_id = 'a'", { a: 1 }],
    ['delete of all', "DELETE FROM users WHERE user_id IN ('a', 'b', 'c')", { a: 1, b: 1, c: 1 }],
    ['update of the key', "UPDATE users SET user_id = 'z' WHERE user_id = 'a'", { a: 1, z: 1 }],
    ['insert or replace of the key', `INSERT OR REPLACE ${insertUser('a', 'a2@x')}`, { a: 1 }],
    ['insert or replace that displaces', `INSERT OR REPLACE ${insertUser('d', 'a@x')}`, { a: 1, d: 1 }],
    ['replace that displaces two', `REPLACE ${insertUser('a', 'b@x')}`, { a: 1, b: 1 }],
    ['update or replace', "UPDATE OR REPLACE users SET email = 'b@x' WHERE user_id = 'a'", { a: 1, b: 1 }],
    ['update or replace of the key', "UPDATE OR REPLACE users SET user_id = 'b' WHERE user_id = 'a'", { a: 1, b: 1 }],
    ['update or ignore', "UPDATE OR IGNORE users SET username = 'z' WHERE user_id = 'a'", { a: 1 }],
    ['insert or ignore of a new row', `INSERT OR IGNORE ${insertUser('d', 'd@x')}`, { d: 1 }],
    ['insert or ignore of a known key', `INSERT OR IGNORE ${insertUser('a', 'd@x')}`, {}],
    ['upsert', `INSERT ${insertUser('a', 'n@x')} ON CONFLICT (user_id) DO UPDATE SET email = 'n@x'`, { a: 1 }],
    ['delete and insert', `DELETE FROM users WHERE user_id = 'a'; INSERT ${insertUser('a', 'a@x')}`, { a: 2 }],
    [
      'a rowid that displaces',
      `INSERT OR REPLACE INTO users (rowid, user_id, username, email)
       SELECT rowid, 'd', 'd', 'd@x' FROM users WHERE user_id = 'b'`,
      { b: 1, d: 1 },
    ],
    [
      'an update of the rowid that displaces',
      "UPDATE OR REPLACE users SET rowid = (SELECT rowid FROM users WHERE user_id = 'b') WHERE user_id = 'a'",
      { a: 1, b: 1 },
    ],
    ['a transaction undone', "BEGIN; UPDATE users SET username = 'z'; ROLLBACK", {}],
  ];
  test.each(cases)('%s', async (_what, sql, expected) => {
    expect(await raised(sql, run)).toEqual(expected);
  });

  test('a row typed without times, flags or generated key gets them', async () => {
    run("INSERT INTO role_permissions (role_name, permission_code) VALUES ('guest', 'ai_access')");
    const [row] = await it.primary.records.find({ entity: 'role_permission', where: { role_name: 'guest' }, limit: 1 });
    expect(row).toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{32}$/), permission_code: 'ai_access' });
    expect(row?.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}000Z$/);
    run("DELETE FROM role_permissions WHERE role_name = 'guest'");
  });

  test("a record's owner can't be changed", async () => {
    const values = (id: string, owner: string) => `VALUES ('${id}', '${owner}', 's', 'i', 'r', 'm')`;
    const into = 'INTO ai_conversations (id, user_id, session_id, user_input, ai_response, model_name)';
    run(`INSERT OR REPLACE ${into} ${values('o1', 'u1')}; INSERT OR REPLACE ${into} ${values('o2', 'u2')}`);
    const attempts = [
      "UPDATE ai_conversations SET user_id = 'u2' WHERE id = 'o1'",
      "UPDATE OR IGNORE ai_conversations SET user_id = 'u2' WHERE id = 'o1'",
      "UPDATE OR REPLACE ai_conversations SET user_id = 'u2' WHERE id = 'o1'",
      "UPDATE OR REPLACE ai_conversations SET id = 'o1' WHERE id = 'o2'",
      `INSERT OR REPLACE ${into} ${values('o1', 'u2')}`,
      `REPLACE ${into} ${values('o1', 'u2')}`,
      `INSERT ${into} ${values('o1', 'u2')} ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id`,
    ];
    for (const sql of attempts) expect(() => run(sql)).toThrow(/owner of a record never changes/);
    expect(await it.primary.records.get({ entity: 'conversation', id: 'o1' })).toMatchObject({ user_id: 'u1' });
  });

  test('definitions hold for what is typed', () => {
    const refused = [
      "UPDATE users SET role = 'root' WHERE user_id = 'a'",
      "UPDATE system_configs SET is_active = 7 WHERE config_key = 'system_name'",
      "UPDATE ai_service_configs SET temperature = 'warm'",
      "INSERT INTO users (user_id, username, email) VALUES (x'00', 'x', 'x@x')",
    ];
    it.raw.exec("INSERT OR IGNORE INTO ai_service_configs (service_name, service_type) VALUES ('s', 'chat')");
    for (const sql of refused) expect(() => run(sql)).toThrow(/CHECK constraint failed/);
  });
});
