/** Settings that act on a running version (A2.13), and models (A1.12): a server of the test stands in for one. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '@mindora/testing/plain';
import { type Answer, analysed, exchange, startWorld, type World } from '../support/api.ts';
import { type Hands, handsIn } from '../support/by-hand/index.ts';
import { type ModelServer, startModelServer } from '../support/model-server.ts';

let world: World;
let hands: Hands;

beforeAll(async () => {
  world = await startWorld({ alice: 'user', bob: 'user' });
  hands = await handsIn(world.directory);
});

afterAll(async () => {
  await hands.close();
  await world.close();
});

const post: World['post'] = (...asked) => world.post(...asked);
const patch: World['patch'] = (...asked) => world.patch(...asked);
const set = (key: string, config_value: string): Promise<Answer> =>
  patch(`/api/v1/admin/system_configs/${key}`, { config_value });
const write = (user: string): Promise<Answer> => post('/api/v1/ai/conversation', exchange(user), world.as(user));
const codeOf = async (asked: Promise<Answer>): Promise<unknown> => (await asked).body.code;

/** As somebody in the database's shell does it; no service is told. */
function setByHand(key: string, value: string): Promise<void> {
  return hands.primary.one('UPDATE system_configs SET config_value = ? WHERE config_key = ?', value, key);
}

/** Asks until it is answered with the code; undefined: with success. */
async function soon(ask: () => Promise<Answer>, code: string | undefined): Promise<void> {
  let last: unknown;
  await until(
    async () => {
      last = await codeOf(ask());
      return last === code || null;
    },
    60_000,
    () => `${code}, not ${last}`,
  );
}

describe('settings act', () => {
  test('maintenance refuses the writes of all, at once; an administrator ends it', async () => {
    await set('maintenance_mode', 'true');
    expect(await write('alice')).toMatchObject({ status: 503, body: { code: 'maintenance', retryable: true } });
    const refused = [
      post('/api/v1/ai/conversation', exchange('alice')),
      post('/api/v1/ai/analysis', analysed('alice'), world.as('alice')),
      post('/api/v1/auth/keys', { name: 'x' }, world.as('alice')),
      post('/api/v1/chat', { message: 'x' }, world.as('alice')),
      post('/api/v1/admin/sync/erase', { user_id: 'bob' }),
      world.ask('DELETE', '/api/v1/ai/user/bob'),
      world.ask('PUT', '/api/v1/ai/profile/alice', { body: {} }),
    ];
    for (const answer of refused) expect(await codeOf(answer)).toBe('maintenance');
    expect((await world.get('/api/v1/ai/history/alice', world.as('alice'))).status).toBe(200);
    expect((await set('maintenance_mode', 'false')).status).toBe(200);
    expect((await write('alice')).status).toBe(201);
  });

  test.each(['true', 'TRUE', '1'])('maintenance set to %s by hand is seen within seconds', async (value) => {
    await setByHand('maintenance_mode', value);
    await soon(() => write('alice'), 'maintenance');
    await setByHand('maintenance_mode', 'false');
    await soon(() => write('alice'), undefined);
  });

  test('ai_api_enabled switches models off, and nothing else', async () => {
    await set('ai_api_enabled', 'false');
    expect(await codeOf(post('/api/v1/chat', { message: 'x' }, world.as('alice')))).toBe('ai_disabled');
    expect(await codeOf(post('/api/v1/analyze', { content: 'x' }))).toBe('ai_disabled');
    expect((await write('alice')).status).toBe(201);
    await set('ai_api_enabled', 'true');
    expect(await codeOf(post('/api/v1/chat', { message: 'x' }))).toBe('model_not_configured');
  });

  test('max_concurrent_users bounds users, not administrators; nonsense by hand is the standard', async () => {
    expect((await write('alice')).status).toBe(201);
    await set('max_concurrent_users', '1');
    expect(await codeOf(write('bob'))).toBe('too_many_users');
    expect((await write('alice')).status).toBe(201);
    expect((await world.get('/api/v1/auth/me')).status).toBe(200);
    await setByHand('max_concurrent_users', 'as many as you like');
    await soon(() => write('bob'), undefined);
  });

  test.each([
    ['maintenance_mode', 'maybe'],
    ['ai_api_enabled', ''],
    ['max_concurrent_users', '0'],
    ['max_concurrent_users', '1.5'],
  ])('%s can’t be set to "%s"', async (key, value) => {
    expect(await set(key, value)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });
});

describe('models (A1.12)', () => {
  const analysis = {
    skills: ['TypeScript'],
    experience: [{ what: 'databases', figure: '5 years' }],
    suggestions: ['name projects'],
    summary: 'A developer',
    confidence_score: 0.8,
  };
  const providerKey = 'sk-a-key-of-the-provider';
  let server: ModelServer;

  beforeAll(async () => {
    server = await startModelServer(({ messages }) => {
      if (messages[0]?.role === 'system') return JSON.stringify(analysis);
      return `answer ${messages.length}`;
    });
    for (const service_type of ['chat', 'analysis']) {
      const config = { service_name: service_type, service_type, api_endpoint: server.url, api_key: providerKey };
      const { body } = await post('/api/v1/admin/ai_service_configs', config);
      expect(body.item).toMatchObject({ has_api_key: true });
    }
  });

  afterAll(() => server.close());

  test('a chat is stored, and goes on where it was; null is left out', async () => {
    const first = await post('/api/v1/chat', { message: 'first', session_id: null, model: null }, world.as('alice'));
    expect(first.body).toMatchObject({
      response: 'answer 1',
      model: 'model-that-answers',
      usage: { total_tokens: 8 },
      conversation_id: expect.any(String),
      status: 'success',
    });
    const { session_id } = first.body;
    const more = { message: 'second', session_id, max_tokens: 50, temperature: 0 };
    const second = await post('/api/v1/chat', more, world.as('alice'));
    expect(second.body.response).toBe('answer 3');
    const defaults = { model: 'deepseek-chat', max_tokens: 1000, temperature: 0.7 };
    expect(server.questions[0]).toMatchObject({ ...defaults, authorization: `Bearer ${providerKey}` });
    expect(server.questions[1]).toMatchObject({
      max_tokens: 50,
      temperature: 0,
      messages: [{ content: 'first' }, { role: 'assistant', content: 'answer 1' }, { role: 'user', content: 'second' }],
    });
    const asked = { ...world.as('alice'), after: second.body.position };
    const { body } = await world.get(`/api/v1/ai/history/alice?session_id=${session_id}`, asked);
    expect(body.history).toMatchObject([{ user_input: 'second' }, { user_input: 'first', ai_response: 'answer 1' }]);
  });

  test('another user’s session is not sent along', async () => {
    const { body } = await post('/api/v1/chat', { message: 'mine', session_id: 'shared-name' }, world.as('alice'));
    expect(body.response).toBe('answer 1');
    const other = await post('/api/v1/chat', { message: 'thine', session_id: 'shared-name' }, world.as('bob'));
    expect(other.body.response).toBe('answer 1');
  });

  test('an analysis is stored', async () => {
    const { body } = await post('/api/v1/analyze', { content: 'Five years of databases' }, world.as('alice'));
    expect(body).toMatchObject({ analysis_result: { skills: ['TypeScript'] }, confidence_score: 0.8 });
    const stored = await world.get(`/api/v1/ai/analysis/${body.analysis_id}`, world.as('alice'));
    expect(stored.body.analysis).toMatchObject({
      analysis_type: 'resume',
      input_content: 'Five years of databases',
      analysis_result: { experience: [{ what: 'databases', figure: '5 years' }] },
    });
  });

  test('an endpoint that isn’t there is a model that failed; its key goes to no other host', async () => {
    const { body } = await world.get('/api/v1/admin/ai_service_configs');
    const [chat] = (body.items as { id: string; service_type: string }[]).filter((it) => it.service_type === 'chat');
    const path = `/api/v1/admin/ai_service_configs/${chat?.id}`;
    const moved = await patch(path, { api_endpoint: 'http://127.0.0.1:1/v1' });
    expect(moved.body.item).toMatchObject({ has_api_key: false });
    const failed = await post('/api/v1/chat', { message: 'x' });
    expect(failed).toMatchObject({ status: 502, body: { code: 'model_failed', retryable: true } });
    await patch(path, { is_active: false });
    expect(await codeOf(post('/api/v1/chat', { message: 'x' }))).toBe('model_not_configured');
    expect(await codeOf(patch(path, { api_endpoint: 'file:///etc/passwd' }))).toBe('invalid_request');
  });

  test('the key of the provider is in no answer and no log', () => {
    expect(world.answered()).not.toContain(providerKey);
    expect(world.version.log()).not.toContain(providerKey);
  });
});
