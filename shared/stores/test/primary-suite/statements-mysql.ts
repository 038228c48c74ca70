import { insertUser, type Statements } from './statement.ts';
import { world } from './world.ts';

const into = 'INTO ai_conversations (id, user_id, session_id, user_input, ai_response, model_name)';
const values = (id: string, owner: string) => `VALUES ('${id}', '${owner}', 's', 'i', 'r', 'm')`;
const both = "users AS x JOIN users AS y ON x.user_id = 'a' AND y.user_id = 'b'";

/** Of MySQL and MariaDB. A replaced row is deleted and inserted, so its version rises by two. */
export const mysqlStatements = (): Statements => ({
  cases: [
    ['replace of the key', `REPLACE ${insertUser('a', 'a2@x')}`, { a: 2 }],
    ['replace that displaces', `REPLACE ${insertUser('d', 'a@x')}`, { a: 1, d: 1 }],
    ['replace that displaces two', `REPLACE ${insertUser('a', 'b@x')}`, { a: 2, b: 1 }],
    ['replace of several', `REPLACE ${insertUser('a', 'n@x')}, ('d', 'd', 'c@x')`, { a: 2, c: 1, d: 1 }],
    ['insert ignore of a new row', `INSERT IGNORE ${insertUser('d', 'd@x')}`, { d: 1 }],
    ['insert ignore of a known key', `INSERT IGNORE ${insertUser('a', 'd@x')}`, {}],
    ['insert ignore of a known unique value', `INSERT IGNORE ${insertUser('d', 'a@x')}`, {}],
    ['upsert', `INSERT ${insertUser('a', 'n@x')} ON DUPLICATE KEY UPDATE email = 'n@x'`, { a: 1 }],
    ['upsert of a new row', `INSERT ${insertUser('d', 'd@x')} ON DUPLICATE KEY UPDATE email = 'n@x'`, { d: 1 }],
    ['upsert by a unique value', `INSERT ${insertUser('d', 'a@x')} ON DUPLICATE KEY UPDATE username = 'n'`, { a: 1 }],
    ['upsert that moves', `INSERT ${insertUser('a', 'a@x')} ON DUPLICATE KEY UPDATE user_id = 'z'`, { a: 1, z: 1 }],
    [
      'upsert of several',
      `INSERT ${insertUser('a', 'n@x')}, ('d', 'd', 'b@x') ON DUPLICATE KEY UPDATE username = VALUES(username)`,
      { a: 1, b: 1 },
    ],
    ['insert of what is selected', `INSERT ${selected('d')}`, { d: 1 }],
    ['update of two tables', `UPDATE ${both} SET x.username = 'z', y.username = 'z'`, { a: 1, b: 1 }],
    ['delete from two tables', `DELETE x, y FROM ${both}`, { a: 1, b: 1 }],
    ['delete with a limit', "DELETE FROM users WHERE user_id IN ('a', 'b') ORDER BY user_id LIMIT 1", { a: 1 }],
    ['update of all keys', "UPDATE users SET user_id = CONCAT(user_id, '2') WHERE user_id = 'a'", { a: 1, a2: 1 }],
    // The row is passed over; MariaDB fires its trigger all the same, so it is marked once too often.
    [
      'update ignore',
      "UPDATE IGNORE users SET email = 'b@x' WHERE user_id = 'a'",
      world().name === 'mariadb' ? { a: 1 } : {},
    ],
    ['update of nothing', "UPDATE users SET username = username WHERE user_id = 'a'", { a: 1 }],
    [
      'what a savepoint undoes',
      "BEGIN; UPDATE users SET username = 'z' WHERE user_id = 'a'; SAVEPOINT s; DELETE FROM users WHERE user_id = 'b'; ROLLBACK TO s; COMMIT",
      { a: 1 },
    ],
    ['a key that ends in a space', `INSERT ${insertUser('a ', 'sp@x')}`, { 'a ': 1 }],
    ['a key in capitals', `INSERT ${insertUser('A', 'cap@x')}`, { A: 1 }],
    ['a unique value in capitals', `INSERT ${insertUser('d', 'A@x')}`, { d: 1 }],
    ['a unique value that ends in a space', `INSERT ${insertUser('d', 'a@x ')}`, { d: 1 }],
  ],
  ownerChanges: {
    before: `REPLACE ${into} ${values('o1', 'u1')}; REPLACE ${into} ${values('o2', 'u2')}`,
    attempts: [
      "UPDATE ai_conversations SET user_id = 'u2' WHERE id = 'o1'",
      "UPDATE IGNORE ai_conversations SET user_id = 'u2' WHERE id = 'o1'",
      "UPDATE ai_conversations AS x JOIN users AS y ON y.user_id = 'a' SET x.user_id = 'u2' WHERE x.id = 'o1'",
      `REPLACE ${into} ${values('o1', 'u2')}`,
      `INSERT ${into} ${values('o1', 'u2')} ON DUPLICATE KEY UPDATE user_id = VALUES(user_id)`,
      `INSERT ${into} ${values('o1', 'u1')} ON DUPLICATE KEY UPDATE user_id = 'u2'`,
    ],
  },
  setUp: "INSERT IGNORE INTO ai_service_configs (service_name, service_type) VALUES ('s', 'chat')",
  refused: [
    "UPDATE users SET role = 'root' WHERE user_id = 'a'",
    "UPDATE users SET role = 'ADMIN' WHERE user_id = 'a'",
    "UPDATE system_configs SET is_active = 7 WHERE config_key = 'system_name'",
    "UPDATE ai_service_configs SET temperature = 'warm'",
    "INSERT INTO users (user_id, username, email) VALUES ('', 'x', 'x@x')",
    "INSERT INTO users (user_id, username, email) VALUES (x'ff', 'x', 'x@x')",
    `INSERT ${into.replace('model_name', 'model_name, context')} VALUES ('j', 'u1', 's', 'i', 'r', 'm', 'no json')`,
    "UPDATE users SET created_at = 'yesterday' WHERE user_id = 'a'",
    "UPDATE users SET created_at = '2026-02-30' WHERE user_id = 'a'",
  ],
});

function selected(id: string): string {
  return `INTO users (user_id, username, email) SELECT '${id}', username, '${id}@x' FROM users WHERE user_id = 'a'`;
}
