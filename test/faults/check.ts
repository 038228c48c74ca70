/** What must hold after every round: verify agrees, the primary has what it acknowledged, queries show just that. */
import { spawnSync } from 'node:child_process';
import type { Row, VerifyReport } from '@mindora/contracts';
import type { MindoraClient } from '@mindora/sdk';
import Database from 'better-sqlite3';
import type { Aftermath } from './faults.ts';
import { type Key, type Model, type State, Violation } from './model.ts';
import { commonWord, tables } from './operations.ts';
import type { Run } from './run.ts';

/** @throws Violation that names the first promise that is broken */
export async function check(run: Run, aftermath: Aftermath): Promise<void> {
  for (const user of run.erased) await finishErasure(run, user);
  await checkVerify(run, aftermath);
  checkPrimary(run.file('primary.sqlite'), run.model);
  for (const user of run.users) await checkQueries(run.client, run.model, user);
}

async function finishErasure(run: Run, user: string): Promise<void> {
  await run.erase(user);
  for (const [key] of run.model.entries()) if (key.user === user) run.model.acknowledged(key, () => null);
  // Texts hold the number of their writer, not the user; the session names it.
  const found = spawnSync('grep', ['-rlaF', `session of ${user}`, '--exclude-dir=copy-of-*', run.directory]);
  if (found.stdout.length > 0) throw new Violation(`content of the erased ${user} is left in ${found.stdout}`);
}

async function checkVerify(run: Run, { drift }: Aftermath): Promise<void> {
  if (drift !== 'none') {
    const { code, output } = await run.verify();
    const isRight = drift === 'must' ? code === 1 : code === 0 || code === 1;
    if (!isRight) throw new Violation(`verify of a damaged store ended with ${code}: ${output.slice(0, 3000)}`);
    const repair = await run.verify('--repair');
    if (repair.code !== 0) throw new Violation(`repair ended with ${repair.code}: ${repair.output.slice(0, 3000)}`);
  }
  const { code, output } = await run.verify();
  if (code !== 0) throw new Violation(`verify ended with ${code}: ${summaryOf(output)}`);
}

function summaryOf(output: string): string {
  const start = output.indexOf('{');
  if (start !== 0) return output.slice(0, 3000);
  const { stores, differences } = JSON.parse(output.slice(0, output.lastIndexOf('}') + 1)) as VerifyReport;
  const differing = Object.entries(stores).filter(([, verdict]) =>
    Object.values(verdict).some((value) => value !== 0 && value !== null),
  );
  return JSON.stringify({ stores: Object.fromEntries(differing), differences: differences.slice(0, 10) });
}

function checkPrimary(file: string, model: Model): void {
  const primary = new Database(file, { readonly: true, timeout: 20_000 });
  try {
    for (const entity of ['conversation', 'analysis', 'profile'] as const) checkTable(primary, entity, model);
  } finally {
    primary.close();
  }
}

function checkTable(primary: Database.Database, entity: Key['entity'], model: Model): void {
  const { table, key: keyColumn, fields } = tables[entity];
  const rows = primary.prepare(`SELECT ${keyColumn} AS _id, ${fields} FROM ${table}`).all() as Row[];
  checkRows(entity, rows, model);
}

/**
 * Holds what the primary has of an entity to what the model knows of it; the key as `_id`, JSON as text.
 *
 * @throws Violation
 */
export function checkRows(entity: Key['entity'], rows: readonly Row[], model: Model): void {
  const byId = new Map(rows.map(({ _id, ...row }) => [String(_id), parsed(row)]));
  for (const [key] of model.entries()) {
    if (key.entity !== entity) continue;
    model.observed(key, byId.get(key.id) ?? null);
    byId.delete(key.id);
  }
  if (byId.size > 0) throw new Violation(`the primary has records that nobody wrote: ${[...byId.keys()]}`);
}

function parsed(row: Row): Row {
  const json = ['analysis_result', 'profile'];
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, json.includes(name) ? JSON.parse(String(value)) : value]),
  );
}

interface Live {
  readonly key: Key;
  readonly state: Row;
}

/** The user's records; after {@link checkPrimary} each has just one possible state. */
function liveOf(model: Model, user: string): Live[] {
  const live = (key: Key, [state]: readonly State[]): Live[] =>
    state === null || state === undefined ? [] : [{ key, state }];
  return [...model.entries()].filter(([key]) => key.user === user).flatMap(([key, states]) => live(key, states));
}

type Shown = readonly { readonly id: unknown; readonly text: unknown }[];

/** Holds what each store's own queries show of a user to the model, whose states are settled. @throws Violation */
export async function checkQueries(client: MindoraClient, model: Model, user: string): Promise<void> {
  const live = liveOf(model, user);
  const of = (entity: Key['entity'], field: string): Shown =>
    live.filter(({ key }) => key.entity === entity).map(({ key, state }) => ({ id: key.id, text: state[field] }));
  const conversations = of('conversation', 'user_input');
  const analyses = of('analysis', 'input_content');
  for (const [store, query] of Object.entries(conversationQueries)) {
    assertSame(`${store} of ${user}: conversations`, await query(client, user), conversations);
  }
  for (const [store, query] of Object.entries(analysisQueries)) {
    assertSame(`${store} of ${user}: analyses`, await query(client, user), analyses);
  }
  await checkCache(client, user, conversations);
  await checkProfile(client, user, live.find(({ key }) => key.entity === 'profile')?.state ?? null);
}

type Query = (client: MindoraClient, user: string) => Promise<Shown>;
const limit = 200;
const shown = (items: readonly Row[], id: string, text: string): Shown =>
  items.map((item) => ({ id: item[id], text: item[text] }));

const conversationQueries: Readonly<Record<string, Query>> = {
  relational: async (client, user_id) => {
    const { history } = await client.call('conversation.history', { params: { user_id }, query: { limit } });
    return shown(history as Row[], 'id', 'user_input');
  },
  documents: async (client, user_id) => {
    const { results } = await client.call('search.conversationDocuments', { body: { query: { user_id }, limit } });
    return shown(results as Row[], '_id', 'user_input');
  },
  fulltext: async (client, user_id) => {
    const { results } = await client.call('search.conversations', { body: { query: commonWord, user_id, limit } });
    return shown(results as unknown as Row[], 'conversation_id', 'user_input');
  },
  graph: async (client, user_id) => {
    const { nodes } = await client.call('graph.user', { params: { user_id }, query: { limit: 1000 } });
    const found = nodes.filter(({ label }) => label === 'AIConversation').map(({ properties }) => properties);
    return shown(found as Row[], 'conversationId', 'userInput');
  },
  vectors: async (client, user_id) => {
    const { results } = await client.call('vector.conversations', { body: { query: commonWord, user_id, limit } });
    return shown(results as Row[], 'conversationId', 'userInput');
  },
  personal: async (client, user_id) => {
    const params = { user_id, collection: 'conversations' as const };
    const { items } = await client.call('identity.personal', { params, query: { limit } });
    return shown(items as Row[], 'id', 'user_input');
  },
};

const analysisQueries: Readonly<Record<string, Query>> = {
  relational: async (client, user_id) => {
    const { analyses } = await client.call('analysis.list', { params: { user_id }, query: { limit } });
    return shown(analyses as Row[], 'id', 'input_content');
  },
  documents: async (client, user_id) => {
    const { results } = await client.call('search.analysisDocuments', { body: { query: { user_id }, limit } });
    return shown(results as Row[], '_id', 'input_content');
  },
  fulltext: async (client, user_id) => {
    const { results } = await client.call('search.analyses', { body: { query: commonWord, user_id, limit } });
    return shown(results as unknown as Row[], 'analysis_id', 'input_content');
  },
  vectors: async (client, user_id) => {
    const { results } = await client.call('vector.analyses', { body: { query: commonWord, user_id, limit } });
    return shown(results as unknown as Row[], 'analysisId', 'inputContent');
  },
  personal: async (client, user_id) => {
    const params = { user_id, collection: 'analyses' as const };
    const { items } = await client.call('identity.personal', { params, query: { limit } });
    return shown(items as Row[], 'id', 'input_content');
  },
};

async function checkCache(client: MindoraClient, user: string, conversations: Shown): Promise<void> {
  const found: { id: unknown; text: unknown }[] = [];
  for (const { id } of conversations) {
    const params = { conversation_id: String(id) };
    const { conversation, source } = await client.call('conversation.get', { params });
    if (source !== 'cache') throw new Violation(`the cache of ${user} lacks ${id}`);
    found.push({ id: conversation.id, text: conversation.user_input });
  }
  assertSame(`cache of ${user}`, found, conversations);
}

async function checkProfile(client: MindoraClient, user_id: string, state: Row | null): Promise<void> {
  const { profile } = await client.call('identity.profile', { params: { user_id } });
  const wanted = state === null ? [] : [{ id: user_id, text: JSON.stringify(sorted(state.profile as Row)) }];
  const { user_id: id, created_at: _c, updated_at: _u, ...fields } = (profile ?? {}) as Row;
  const held = profile === null ? [] : [{ id, text: JSON.stringify(sorted(fields)) }];
  assertSame(`profile of ${user_id}`, held, wanted);
}

const sorted = (row: Row): Row => Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)));

/** @throws Violation that names the records, not their content */
function assertSame(where: string, found: Shown, wanted: Shown): void {
  const texts = new Map(wanted.map(({ id, text }) => [id, text]));
  const wrong = found.filter(({ id, text }) => texts.get(id) !== text).map(({ id }) => String(id));
  const ids = new Set(found.map(({ id }) => id));
  const missing = wanted.filter(({ id }) => !ids.has(id)).map(({ id }) => String(id));
  if (wrong.length + missing.length > 0 || found.length !== wanted.length) {
    throw new Violation(
      `${where}: missing ${missing}; stale or not to be there ${wrong}; ${found.length} of ${wanted.length}`,
    );
  }
}
