/** Random statements of SQLite. */
import fc from 'fast-check';

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

/** One that may change users, conversations or rights. */
export const sqliteStatement = fc.oneof(userStatement, conversationStatement, rightStatement);
