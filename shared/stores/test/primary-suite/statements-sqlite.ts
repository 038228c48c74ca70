import { insertUser, type Statements } from './statement.ts';

const into = 'INTO ai_conversations (id, user_id, session_id, user_input, ai_response, model_name)';
const values = (id: string, owner: string) => `VALUES ('${id}', '${owner}', 's', 'i', 'r', 'm')`;

/** Of SQLite alone. */
export const sqliteStatements = (): Statements => ({
  cases: [
    ['insert or replace of the key', `INSERT OR REPLACE ${insertUser('a', 'a2@x')}`, { a: 1 }],
    ['insert or replace that displaces', `INSERT OR REPLACE ${insertUser('d', 'a@x')}`, { a: 1, d: 1 }],
    ['replace that displaces two', `REPLACE ${insertUser('a', 'b@x')}`, { a: 1, b: 1 }],
    ['update or replace', "UPDATE OR REPLACE users SET email = 'b@x' WHERE user_id = 'a'", { a: 1, b: 1 }],
    ['update or replace of the key', "UPDATE OR REPLACE users SET user_id = 'b' WHERE user_id = 'a'", { a: 1, b: 1 }],
    ['update or ignore', "UPDATE OR IGNORE users SET username = 'z' WHERE user_id = 'a'", { a: 1 }],
    ['insert or ignore of a new row', `INSERT OR IGNORE ${insertUser('d', 'd@x')}`, { d: 1 }],
    ['insert or ignore of a known key', `INSERT OR IGNORE ${insertUser('a', 'd@x')}`, {}],
    ['upsert', `INSERT ${insertUser('a', 'n@x')} ON CONFLICT (user_id) DO UPDATE SET email = 'n@x'`, { a: 1 }],
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
  ],
  ownerChanges: {
    before: `INSERT OR REPLACE ${into} ${values('o1', 'u1')}; INSERT OR REPLACE ${into} ${values('o2', 'u2')}`,
    attempts: [
      "UPDATE ai_conversations SET user_id = 'u2' WHERE id = 'o1'",
      "UPDATE OR IGNORE ai_conversations SET user_id = 'u2' WHERE id = 'o1'",
      "UPDATE OR REPLACE ai_conversations SET user_id = 'u2' WHERE id = 'o1'",
      "UPDATE OR REPLACE ai_conversations SET id = 'o1' WHERE id = 'o2'",
      `INSERT OR REPLACE ${into} ${values('o1', 'u2')}`,
      `REPLACE ${into} ${values('o1', 'u2')}`,
      `INSERT ${into} ${values('o1', 'u2')} ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id`,
    ],
  },
  setUp: "INSERT OR IGNORE INTO ai_service_configs (service_name, service_type) VALUES ('s', 'chat')",
  refused: [
    "UPDATE users SET role = 'root' WHERE user_id = 'a'",
    "UPDATE system_configs SET is_active = 7 WHERE config_key = 'system_name'",
    "UPDATE ai_service_configs SET temperature = 'warm'",
    "INSERT INTO users (user_id, username, email) VALUES (x'00', 'x', 'x@x')",
  ],
});
