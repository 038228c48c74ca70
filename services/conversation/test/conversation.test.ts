import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { decodePosition, type Row } from '@mindora/contracts';
import { MindoraError, systemRandom } from '@mindora/runtime';
import { type CacheStore, openPrimary, type Primary, type RelationalStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import {
  fill,
  principalOf,
  type StartedServices,
  startServices,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@mindora/testing';
import { createConversationService } from '../src/index.ts';

const dimensions = 4;
const as = principalOf('u1');
const other = principalOf('u2');
const exchange = {
  user_id: 'u1',
  session_id: 's1',
  user_input: '你好 <b>',
  ai_response: 'Hello',
  model_name: 'deepseek-chat',
};

let directory: TemporaryDirectory;
let primary: Primary;
let cache: CacheStore;
let relational: RelationalStore;
let services: StartedServices;

beforeEach(async () => {
  directory = await temporaryDirectory();
  primary = await openPrimary({ file: directory.file('primary.db') });
  await primary.migrate();
  cache = await createStore('cache', { directory: directory.path, dimensions });
  relational = await createStore('relational', { directory: directory.path, dimensions });
  await start(cache);
});

afterEach(async () => {
  await services.stop();
  await Promise.all([relational.close(), cache.close(), primary.close()]);
  await directory.remove();
});

async function start(from: Pick<CacheStore, 'record'>): Promise<void> {
  const dependencies = { primary: primary.records, cache: from, relational, random: systemRandom() };
  services = await startServices(createConversationService(dependencies));
}

const create = (body: object, who = as) => services.call('conversation.create', { body, as: who });
const get = (conversation_id: unknown, who = as) =>
  services.call('conversation.get', { params: { conversation_id }, as: who });
const batch = (items: unknown[], who = as) => services.call('conversation.createBatch', { body: { items }, as: who });

describe('writing (A1.1, A4.7)', () => {
  test('an exchange is stored once, whole', async () => {
    const { conversation_id, position } = await create({ ...exchange, context: { a: [1, null] } });
    expect(conversation_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(decodePosition(String(position))).toEqual({
      kind: 'records',
      records: [{ entity: 'conversation', id: conversation_id, version: 1 }],
    });
    const row = await primary.records.get({ entity: 'conversation', id: String(conversation_id) });
    expect(row).toMatchObject({ ...exchange, context: { a: [1, null] } });
  });

  test('with an own id the same again adds nothing, something else is a conflict', async () => {
    const own = { ...exchange, conversation_id: 'mine-1' };
    const first = await create(own);
    expect(await create(own)).toEqual(first);
    await expect(create({ ...own, ai_response: 'other' })).rejects.toMatchObject({ code: 'conflict' });
    await expect(create({ ...own, user_id: 'u2' }, other)).rejects.toMatchObject({ code: 'conflict' });
    await expect(create(own, other)).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('each item of a batch stands by itself, in order', async () => {
    const { results, position } = await batch([
      { ...exchange, conversation_id: 'a' },
      { ...exchange, session_id: '' },
      { ...exchange, user_id: 'u2' },
      { ...exchange, conversation_id: 'a', ai_response: 'other' },
      'nonsense',
      exchange,
    ]);
    expect(results).toMatchObject([
      { index: 0, status: 'success', conversation_id: 'a' },
      { index: 1, status: 'error', problem: { code: 'invalid_request', errors: [{ path: 'session_id' }] } },
      { index: 2, status: 'error', problem: { code: 'forbidden' } },
      { index: 3, status: 'error', problem: { code: 'conflict' } },
      { index: 4, status: 'error', problem: { code: 'invalid_request' } },
      { index: 5, status: 'success' },
    ]);
    expect(decodePosition(String(position))).toMatchObject({ kind: 'records', records: [{ id: 'a' }, {}] });
    expect(JSON.stringify(results)).not.toContain('你好');
  });

  test('a large batch answers with a barrier', async () => {
    const { results, position } = await batch(Array.from({ length: 40 }, () => exchange));
    expect(new Set((results as Row[]).map((result) => result.conversation_id)).size).toBe(40);
    expect(decodePosition(String(position))).toEqual({ kind: 'barrier' });
  });

  test('a user who is being erased gets no new records', async () => {
    await primary.ledger.beginErasure('u1');
    await expect(create(exchange)).rejects.toMatchObject({ code: 'user_erased' });
    expect((await batch([exchange])).results).toMatchObject([{ problem: { code: 'user_erased' } }]);
  });

  test('is changed and removed by its owner or an administrator; for others it is not there', async () => {
    const params = { conversation_id: (await create(exchange)).conversation_id };
    const update = (who = as) =>
      services.call('conversation.update', { params, body: { ai_response: 'Better', context: null }, as: who });
    const remove = (who = as) => services.call('conversation.remove', { params, as: who });
    await expect(update(other)).rejects.toMatchObject({ code: 'not_found' });
    await expect(remove(other)).rejects.toMatchObject({ code: 'not_found' });
    const { conversation, position } = await update();
    expect(conversation).toMatchObject({ ...exchange, ai_response: 'Better' });
    expect(decodePosition(String(position))).toMatchObject({ records: [{ version: 2 }] });
    await remove(principalOf('admin_001', 'admin'));
    await expect(remove()).rejects.toMatchObject({ code: 'not_found' });
    await expect(get(params.conversation_id)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('reading', () => {
  const times = { created_at: '2026-01-31T12:00:00.000000Z', updated_at: '2026-01-31T12:00:00.000000Z' };

  test('by id from the cache, else from the primary (A2.3)', async () => {
    const { conversation_id } = await create(exchange);
    expect(await get(conversation_id)).toMatchObject({ source: 'primary', conversation: exchange });
    await fill(cache, 'conversation', [{ id: conversation_id as string, ...exchange, ...times }]);
    expect(await get(conversation_id)).toMatchObject({ source: 'cache', conversation: exchange });
    await expect(get(conversation_id, other)).rejects.toMatchObject({ code: 'not_found' });
    expect(await get(conversation_id, principalOf('admin_001', 'admin'))).toMatchObject({ source: 'cache' });
  });

  test('by id while the cache is not available', async () => {
    const { conversation_id } = await create(exchange);
    await services.stop();
    await start({ record: () => Promise.reject(new MindoraError('store_unavailable')) });
    expect(await get(conversation_id)).toMatchObject({ source: 'primary' });
  });

  test('the history is newest first, in pages, with exactly its fields (A1.4)', async () => {
    const row = (id: string, second: number, fields: Row = {}): Row => {
      const created_at = `2026-01-31T12:00:0${second}.000000Z`;
      return { id, ...exchange, conversation_context: { a: 1 }, created_at, updated_at: created_at, ...fields };
    };
    const rows = [row('a', 1), row('b', 2), row('c', 3, { session_id: 's2' }), row('d', 4, { user_id: 'u2' })];
    await fill(relational, 'conversation', rows);
    const history = (query: object) =>
      services.call('conversation.history', { params: { user_id: 'u1' }, query, as }) as Promise<{
        history: Row[];
        next: string | null;
      }>;
    const first = await history({ limit: 2 });
    expect(first.history.map(({ id }) => id)).toEqual(['c', 'b']);
    const second = await history({ limit: 2, cursor: first.next });
    expect(second.next).toBeNull();
    const { user_id: _, ...shown } = exchange;
    expect(second.history).toEqual([{ id: 'a', ...shown, created_at: '2026-01-31T12:00:01.000000Z' }]);
    expect((await history({ session_id: 's2' })).history).toMatchObject([{ id: 'c' }]);
    await expect(history({ cursor: 'nonsense' })).rejects.toMatchObject({ code: 'invalid_cursor' });
  });
});
