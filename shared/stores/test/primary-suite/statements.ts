/** Statements that people and other programs may type, with what they change. */
import { type Case, insertUser, type Statements } from './statement.ts';
import { mysqlStatements } from './statements-mysql.ts';
import { sqliteStatements } from './statements-sqlite.ts';
import { world } from './world.ts';

const common: readonly Case[] = [
  ['insert', `INSERT ${insertUser('d', 'd@x')}`, { d: 1 }],
  ['insert of several rows', `INSERT ${insertUser('d', 'd@x')}, ('e', 'e', 'e@x')`, { d: 1, e: 1 }],
  ['update', "UPDATE users SET username = 'z' WHERE user_id = 'a'", { a: 1 }],
  ['update of several rows', "UPDATE users SET username = 'z' WHERE user_id IN ('a', 'b')", { a: 1, b: 1 }],
  ['delete', "DELETE FROM users WHERE user_id = 'a'", { a: 1 }],
  ['delete of all', "DELETE FROM users WHERE user_id IN ('a', 'b', 'c')", { a: 1, b: 1, c: 1 }],
  ['update of the key', "UPDATE users SET user_id = 'z' WHERE user_id = 'a'", { a: 1, z: 1 }],
  ['delete and insert', `DELETE FROM users WHERE user_id = 'a'; INSERT ${insertUser('a', 'a@x')}`, { a: 2 }],
  ['a transaction undone', "BEGIN; UPDATE users SET username = 'z'; ROLLBACK", {}],
];

/** The statements of the engine that is tested. */
export function statements(): Statements {
  const own = world().dialect.isServer ? mysqlStatements() : sqliteStatements();
  return { ...own, cases: [...common, ...own.cases] };
}
