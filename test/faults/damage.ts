/** Changes of a store's rows behind sync's back, as a person in the database's shell might make them. */
import { createHash } from 'node:crypto';
import type { Role } from '@mindora/contracts';
import Database from 'better-sqlite3';
import type { Chance } from './chance.ts';

interface Place {
  readonly table: string;
  readonly key: string;
  readonly text: string;
}

/** Where stores keep conversations. */
const places: Readonly<Partial<Record<Role, Place>>> = {
  relational: { table: 'ai_conversations', key: 'id', text: 'user_input' },
  documents: { table: 'ai_conversations', key: 'id', text: 'json' },
  fulltext: { table: 'ai_conversations', key: 'conversation_id', text: 'user_input' },
  graph: { table: 'AIConversation', key: 'conversationId', text: 'userInput' },
  vectors: { table: 'AIConversation', key: 'conversationId', text: 'userInput' },
  personal: { table: 'conversations', key: 'id', text: 'user_input' },
};

type Damage = (place: Place, chance: Chance) => string;

const oneOf = ({ table, key }: Place, chance: Chance): string =>
  `(SELECT ${key} FROM ${table} ORDER BY ${key} LIMIT 1 OFFSET (${chance.between(0, 1000)} % max(1, (SELECT count(*) FROM ${table}))))`;

const damages: Readonly<Record<string, Damage>> = {
  'loses a row': (place, chance) => `DELETE FROM ${place.table} WHERE ${place.key} = ${oneOf(place, chance)}`,
  'edits a row': (place, chance) => {
    const edited = place.text === 'json' ? "json_set(json, '$.user_input', 'edited')" : "'edited'";
    return `UPDATE ${place.table} SET ${place.text} = ${edited} WHERE ${place.key} = ${oneOf(place, chance)}`;
  },
  'takes another key': (place, chance) =>
    `UPDATE ${place.table} SET ${place.key} = 'of nobody' WHERE ${place.key} = ${oneOf(place, chance)}`,
};

/** The same of what sync notes beside the rows. */
const registerDamages: Readonly<Record<string, Damage>> = {
  'forgets a version': (place, chance) =>
    `DELETE FROM _applied WHERE entity = 'conversation' AND id = ${oneOf(place, chance)}`,
  'is ahead of the ledger': (place, chance) =>
    `UPDATE _applied SET version = version + 1000 WHERE entity = 'conversation' AND id = ${oneOf(place, chance)}`,
};

/** Damages one record of a store; what was done, null where there was no record to damage. */
export function damage(
  role: Role,
  fileOf: (name: string) => string,
  users: readonly string[],
  chance: Chance,
): string | null {
  const place = places[role];
  if (place === undefined) return null;
  const kinds = role === 'personal' ? damages : { ...damages, ...registerDamages };
  const kind = chance.of(Object.keys(kinds));
  const name = role === 'personal' ? `personal/${personalFile(chance.of(users))}` : `stores/${role}.sqlite`;
  const statement = kinds[kind]?.(place, chance) ?? '';
  return change(fileOf(name), statement) === 0 ? null : `${role} ${kind}`;
}

function personalFile(user: string): string {
  return `${createHash('sha256').update(user).digest('hex').slice(0, 32)}.sqlite`;
}

/** How many rows a statement changed; 0 where there is no such file. */
function change(file: string, statement: string): number {
  const connection = openIfThere(file);
  if (connection === null) return 0;
  try {
    return connection.prepare(statement).run().changes;
  } finally {
    connection.close();
  }
}

function openIfThere(file: string): Database.Database | null {
  try {
    return new Database(file, { fileMustExist: true, timeout: 20_000 });
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_CANTOPEN') return null;
    throw error;
  }
}
