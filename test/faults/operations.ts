/** What writers do, each as a request (or SQL by hand) and its effect on the model. */

import type { Row } from '@mindora/contracts';
import type { MindoraClient } from '@mindora/sdk';
import type Database from 'better-sqlite3';
import type { Effect, Key } from './model.ts';

export interface Operation {
  readonly name: string;
  readonly effect: Effect;
}

/** Goes through the API. */
export interface Request extends Operation {
  send(client: MindoraClient): Promise<unknown>;
}

/** Changes the primary as a person in the database's shell would. */
export interface ByHand extends Operation {
  change(primary: Database.Database): void;
}

/** The word that every text has, by which full text finds it. */
export const commonWord = 'probe';

/** The fields whose content the model knows. */
export const tables = {
  conversation: {
    table: 'ai_conversations',
    key: 'id',
    fields: ['user_id', 'session_id', 'user_input', 'ai_response', 'model_name'],
  },
  analysis: {
    table: 'ai_analysis_results',
    key: 'id',
    fields: ['user_id', 'analysis_type', 'input_content', 'analysis_result'],
  },
  profile: { table: 'user_profiles', key: 'user_id', fields: ['profile'] },
} as const;

const same = (a: Row, b: Row): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The first characters of a text, without half a one at the end. */
const head = (text: string, length: number): string => text.slice(0, length).toWellFormed();

/** A record's content made of one text. */
export function contentOf({ entity, user }: Key, text: string): Row {
  if (entity === 'conversation') {
    const session_id = `session of ${user}`;
    return {
      user_id: user,
      session_id,
      user_input: text,
      ai_response: `answer to ${head(text, 60)}`,
      model_name: 'deepseek-chat',
    };
  }
  const user_id = user;
  return { user_id, analysis_type: 'resume', input_content: text, analysis_result: { skills: [head(text, 12)] } };
}

function changeOf({ entity }: Key, text: string): Row {
  return entity === 'conversation'
    ? { user_input: text }
    : { input_content: text, analysis_result: { skills: ['changed'] } };
}

/** The body of a create; an id of one's own makes it repeatable. */
export function bodyOf(key: Key, content: Row): Row {
  return { [`${key.entity}_id`]: key.id, ...content };
}

export function creation(content: Row): Effect {
  return (state) => (state === null || same(state, content) ? content : undefined);
}

export function create(key: Key, text: string): Request {
  const content = contentOf(key, text);
  const action = key.entity === 'conversation' ? 'conversation.create' : 'analysis.create';
  return {
    name: 'create',
    effect: creation(content),
    send: (client) => client.call(action, { body: bodyOf(key, content) as never }),
  };
}

export function update(key: Key, text: string): Request {
  const change = changeOf(key, text);
  return {
    name: 'update',
    effect: (state) => (state === null ? undefined : { ...state, ...change }),
    send: (client) =>
      key.entity === 'conversation'
        ? client.call('conversation.update', { params: { conversation_id: key.id }, body: change as never })
        : client.call('analysis.update', { params: { analysis_id: key.id }, body: change as never }),
  };
}

export function remove(key: Key): Request {
  return {
    name: 'remove',
    effect: (state) => (state === null ? undefined : null),
    send: (client) =>
      key.entity === 'conversation'
        ? client.call('conversation.remove', { params: { conversation_id: key.id } })
        : client.call('analysis.remove', { params: { analysis_id: key.id } }),
  };
}

export function mergeProfile(key: Key, fields: Row): Request {
  return {
    name: 'merge',
    effect: (state) => ({ profile: { ...(state?.profile as Row | undefined), ...fields } }),
    send: (client) => client.call('identity.mergeProfile', { params: { user_id: key.user }, body: fields }),
  };
}

/** `INSERT OR REPLACE`, which removes a row without a delete trigger. */
export function replaceByHand(key: Key, text: string): ByHand {
  const content: Row =
    key.entity === 'profile' ? { profile: { by: 'hand', text: head(text, 40) } } : contentOf(key, text);
  const { table, key: keyColumn } = tables[key.entity];
  const columns = [keyColumn, ...Object.keys(content)];
  const cells = [
    key.id,
    ...Object.values(content).map((value) => (typeof value === 'string' ? value : JSON.stringify(value))),
  ];
  return {
    name: 'replace by hand',
    effect: () => content,
    change: (primary) => {
      primary.prepare(`INSERT OR REPLACE INTO ${table} (${columns}) VALUES (${columns.map(() => '?')})`).run(...cells);
    },
  };
}

export function removeByHand(key: Key): ByHand {
  const { table, key: keyColumn } = tables[key.entity];
  return {
    name: 'delete by hand',
    effect: () => null,
    change: (primary) => void primary.prepare(`DELETE FROM ${table} WHERE ${keyColumn} = ?`).run(key.id),
  };
}
