/** Random statements by another program against a model: whatever changed has a higher version and is pending. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { startPrimary, type TestPrimary } from './support/primary.ts';

let it: TestPrimary;
beforeAll(async () => {
  it = await startPrimary();
  it.raw.pragma('synchronous = OFF');
});
afterAll(() => it.end());

const key = fc.constantFrom('k0', 'k1', 'k2', 'k3');
const email = fc.constantFrom('e0', 'e1', 'e2', 'e3');
const owner = fc.constantFrom('u0', 'u1');
const clause = fc.constantFrom('', ' OR REPLACE', ' OR IGNORE', ' OR FAIL', ' OR ABORT', ' OR ROLLBACK');
const rowid = fc.integer({ min: 1, max: 4 });

const userStatement = fc.oneof(
  fc
    .tuple(clause, key, email)
    .map(([c, k, e]) => `INSERT${c} INTO users (user_id, username, email) VALUES ('${k}', 'n', '${e}')`),
  fc
    .tuple(clause, key, email, key, email)
    .map(
      ([c, k, e, l, f]) =>
        `INSERT${c} INTO users (user_id, username, email) VALUES ('${k}', 'n', '${e}'), ('${l}', 'm', '${f}')`,
    ),
  fc
    .tuple(clause, rowid, key, email)
    .map(
      ([c, r, k, e]) => `INSERT${c} INTO users (rowid, user_id, username, email) VALUES (${r}, '${k}', 'r', '${e}')`,
    ),
  fc.tuple(clause, key, email).map(([c, k, e]) => `UPDATE${c} users SET email = '${e}' WHERE user_id = '${k}'`),
  fc.tuple(clause, key, key).map(([c, k, l]) => `UPDATE${c} users SET user_id = '${l}' WHERE user_id = '${k}'`),
  fc.tuple(clause, rowid, key).map(([c, r, k]) => `UPDATE${c} users SET rowid = ${r} WHERE user_id = '${k}'`),
  fc
    .tuple(clause, email, email)
    .map(([c, e, f]) => `UPDATE${c} users SET email = '${e}', username = username || 'x' WHERE email > '${f}'`),
  fc
    .tuple(key, email)
    .map(
      ([k, e]) =>
        `INSERT INTO users (user_id, username, email) VALUES ('${k}', 'u', '${e}') ON CONFLICT DO UPDATE SET username = 'v', user_id = 'k3'`,
    ),
  key.map((k) => `DELETE FROM users WHERE user_id >= '${k}' AND user_id LIKE 'k%'`),
);

const conversationColumns = '(id, user_id, session_id, user_input, ai_response, model_name)';
const conversationStatement = fc.oneof(
  fc
    .tuple(clause, key, owner)
    .map(
      ([c, k, o]) =>
        `INSERT${c} INTO ai_conversations ${conversationColumns} VALUES ('${k}', '${o}', 's', 'i', 'r', 'm')`,
    ),
  fc.tuple(clause, key, key).map(([c, k, l]) => `UPDATE${c} ai_conversations SET id = '${l}' WHERE id = '${k}'`),
  fc
    .tuple(clause, key, owner)
    .map(([c, k, o]) => `UPDATE${c} ai_conversations SET user_id = '${o}', user_input = 'j' WHERE id = '${k}'`),
  key.map((k) => `DELETE FROM ai_conversations WHERE id = '${k}'`),
);

const role = fc.constantFrom('admin', 'user', 'guest');
const code = fc.constantFrom('p0', 'p1');
const rightStatement = fc.oneof(
  fc
    .tuple(clause, key, role, code)
    .map(
      ([c, k, r, p]) =>
        `INSERT${c} INTO role_permissions (id, role_name, permission_code) VALUES ('${k}', '${r}', '${p}')`,
    ),
  fc
    .tuple(clause, role, code)
    .map(([c, r, p]) => `INSERT${c} INTO role_permissions (role_name, permission_code) VALUES ('${r}', '${p}')`),
  fc
    .tuple(clause, role, code)
    .map(([c, r, p]) => `UPDATE${c} role_permissions SET role_name = '${r}' WHERE permission_code = '${p}'`),
  code.map((p) => `DELETE FROM role_permissions WHERE permission_code = '${p}'`),
);

const statement = fc.oneof(userStatement, conversationStatement, rightStatement);
const tables = [
  ['user', 'users', 'user_id'],
  ['conversation', 'ai_conversations', 'id'],
  ['role_permission', 'role_permissions', 'id'],
] as const;

interface State {
  readonly rows: Map<string, string>;
  readonly versions: Map<string, number>;
  readonly pending: Set<string>;
}

function state(): State {
  const rows = new Map<string, string>();
  for (const [entity, table, column] of tables) {
    for (const row of it.raw.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[]) {
      rows.set(`${entity}/${row[column]}`, JSON.stringify(row));
    }
  }
  const lines = it.raw.prepare('SELECT * FROM _ledger').all() as Record<string, unknown>[];
  const name = (line: Record<string, unknown>) => `${line.entity}/${line.id}`;
  return {
    rows,
    versions: new Map(lines.map((line) => [name(line), Number(line.version)])),
    pending: new Set(lines.filter((line) => line.pending_since !== null).map(name)),
  };
}

function attempt(sql: string): void {
  try {
    it.raw.exec(sql);
  } catch (error) {
    // Constraints refuse many of these statements; anything else is a fault.
    if (!String((error as { code?: string }).code).startsWith('SQLITE_CONSTRAINT')) throw error;
  }
}

/** The records that a statement changed without raising their version or marking them. */
function missed(before: State, after: State): string[] {
  const keys = new Set([...before.rows.keys(), ...after.rows.keys()]);
  const changed = [...keys].filter((name) => before.rows.get(name) !== after.rows.get(name));
  const holes = changed.filter(
    (name) => (after.versions.get(name) ?? 0) <= (before.versions.get(name) ?? 0) || !after.pending.has(name),
  );
  const fallen = [...before.versions].filter(([name, version]) => (after.versions.get(name) ?? 0) < version);
  const unlisted = [...after.rows.keys()].filter((name) => !after.versions.has(name));
  return [...holes, ...fallen.map(([name]) => `fell: ${name}`), ...unlisted.map((name) => `unlisted: ${name}`)];
}

test('no statement changes a record unnoticed', () => {
  const seed = Date.now() & 0x7fffffff;
  const property = fc.property(fc.array(statement, { minLength: 5, maxLength: 25 }), (statements) => {
    it.raw.exec(`BEGIN; ${tables.map(([, table]) => `DELETE FROM ${table}`).join('; ')}; COMMIT`);
    for (const sql of statements) {
      it.raw.exec('UPDATE _ledger SET pending_since = NULL');
      const before = state();
      attempt(sql);
      const holes = missed(before, state());
      if (holes.length > 0) throw new Error(`${sql} missed ${holes.join(', ')}`);
    }
  });
  // The seed is part of the failure's message: fast-check prints it with the path to the counterexample.
  fc.assert(property, { seed, numRuns: 600 });
  expect(state().versions.size).toBeGreaterThan(0);
});
