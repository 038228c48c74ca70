/** Random statements of MySQL and MariaDB. */
import fc from 'fast-check';

const key = fc.constantFrom('k0', 'k1', 'k2', 'k3');
const email = fc.constantFrom('e0', 'e1', 'e2', 'e3');
const owner = fc.constantFrom('u0', 'u1');
const insert = fc.constantFrom('INSERT', 'INSERT IGNORE', 'REPLACE');
const update = fc.constantFrom('UPDATE', 'UPDATE IGNORE');
const user = 'INTO users (user_id, username, email) VALUES';

const userStatement = fc.oneof(
  fc.tuple(insert, key, email).map(([i, k, e]) => `${i} ${user} ('${k}', 'n', '${e}')`),
  fc
    .tuple(insert, key, email, key, email)
    .map(([i, k, e, l, f]) => `${i} ${user} ('${k}', 'n', '${e}'), ('${l}', 'm', '${f}')`),
  fc.tuple(update, key, email).map(([u, k, e]) => `${u} users SET email = '${e}' WHERE user_id = '${k}'`),
  fc.tuple(update, key, key).map(([u, k, l]) => `${u} users SET user_id = '${l}' WHERE user_id = '${k}'`),
  fc
    .tuple(update, email, email)
    .map(([u, e, f]) => `${u} users SET email = '${e}', username = CONCAT(username, 'x') WHERE email > '${f}'`),
  fc
    .tuple(key, email, key)
    .map(
      ([k, e, l]) => `INSERT ${user} ('${k}', 'u', '${e}') ON DUPLICATE KEY UPDATE username = 'v', user_id = '${l}'`,
    ),
  fc
    .tuple(key, email, key, email)
    .map(
      ([k, e, l, f]) =>
        `INSERT ${user} ('${k}', 'u', '${e}'), ('${l}', 'w', '${f}') ON DUPLICATE KEY UPDATE email = VALUES(email)`,
    ),
  fc
    .tuple(update, key, key, email)
    .map(
      ([u, k, l, e]) =>
        `${u} users AS x JOIN users AS y ON x.user_id = '${k}' AND y.user_id <> '${l}' SET x.username = 'j', y.email = '${e}'`,
    ),
  fc
    .tuple(key, email)
    .map(([k, e]) => `DELETE x, y FROM users AS x JOIN users AS y ON x.user_id = '${k}' AND y.email = '${e}'`),
  key.map((k) => `DELETE FROM users WHERE user_id >= '${k}' AND user_id LIKE 'k%'`),
);

const conversation = 'INTO ai_conversations (id, user_id, session_id, user_input, ai_response, model_name) VALUES';
const conversationStatement = fc.oneof(
  fc.tuple(insert, key, owner).map(([i, k, o]) => `${i} ${conversation} ('${k}', '${o}', 's', 'i', 'r', 'm')`),
  fc.tuple(update, key, key).map(([u, k, l]) => `${u} ai_conversations SET id = '${l}' WHERE id = '${k}'`),
  fc
    .tuple(update, key, owner)
    .map(([u, k, o]) => `${u} ai_conversations SET user_id = '${o}', user_input = 'j' WHERE id = '${k}'`),
  fc
    .tuple(key, owner)
    .map(
      ([k, o]) =>
        `INSERT ${conversation} ('${k}', '${o}', 's', 'i', 'r', 'm') ON DUPLICATE KEY UPDATE user_input = 'v'`,
    ),
  key.map((k) => `DELETE FROM ai_conversations WHERE id = '${k}'`),
);

const role = fc.constantFrom('admin', 'user', 'guest');
const code = fc.constantFrom('p0', 'p1');
const right = 'INTO role_permissions';
const rightStatement = fc.oneof(
  fc
    .tuple(insert, key, role, code)
    .map(([i, k, r, p]) => `${i} ${right} (id, role_name, permission_code) VALUES ('${k}', '${r}', '${p}')`),
  fc.tuple(insert, role, code).map(([i, r, p]) => `${i} ${right} (role_name, permission_code) VALUES ('${r}', '${p}')`),
  fc
    .tuple(update, role, code)
    .map(([u, r, p]) => `${u} role_permissions SET role_name = '${r}' WHERE permission_code = '${p}'`),
  code.map((p) => `DELETE FROM role_permissions WHERE permission_code = '${p}'`),
);

/** One that may change users, conversations or rights. */
export const mysqlStatement = fc.oneof(userStatement, conversationStatement, rightStatement);
