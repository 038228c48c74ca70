import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { encodePosition } from '@mindora/contracts';
import { routes } from '@mindora/contracts/routes';
import { type Answer, ask, conversation, keys, startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());
beforeEach(() => {
  world.calls.length = 0;
  Object.assign(world.config, { maintenance_mode: false, ai_api_enabled: true, max_concurrent_users: 1000 });
  world.clock.now += 1001;
});

const path = '/api/v1/ai/conversation';
const post = (body: unknown, key?: string) => ask(world, 'POST', path, key === undefined ? { body } : { body, key });
const raw = (text: string | Uint8Array<ArrayBuffer>, headers = {}) => ask(world, 'POST', path, { raw: text, headers });

function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(answer.body).toMatchObject({
    status,
    code,
    type: `https://mindora.dev/problems/${code.replaceAll('_', '-')}`,
  });
  expect(answer.status).toBe(status);
  expect(answer.body.instance).toBe(`urn:request:${answer.headers.get('x-request-id')}`);
}

describe('a request', () => {
  test('reaches its action validated, with who calls', async () => {
    const answer = await post(conversation);
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({ conversation_id: 'c1', position: 'v1.W10', status: 'success' });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const [call] = world.calls;
    expect(call?.params).toEqual({ params: {}, query: {}, body: conversation });
    expect(call?.meta).toMatchObject({
      principal: { userId: 'user_001', role: 'user' },
      scope: 'user_001',
      requestId: answer.headers.get('x-request-id'),
    });
  });

  test('keeps a sane id and gets one in place of any other', async () => {
    const sane = await ask(world, 'GET', '/health', { headers: { 'x-request-id': 'abc-123' } });
    expect(sane.headers.get('x-request-id')).toBe('abc-123');
    for (const id of ['a b', 'x'.repeat(129), '{"a":1}']) {
      const other = await ask(world, 'GET', '/health', { headers: { 'x-request-id': id } });
      expect(other.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test('may be a HEAD', async () => {
    const answer = await ask(world, 'HEAD', '/api/v1/ai/history/user_001');
    expect([answer.status, answer.body]).toEqual([200, '']);
  });

  test('that is wrong is told where, never with its content', async () => {
    const answer = await post({ ...conversation, user_id: 7, model_name: 'secret'.repeat(20), extra: 1 });
    expectProblem(answer, 400, 'invalid_request');
    const paths = answer.body.errors.map((error: { path: string }) => error.path);
    expect(paths).toEqual(expect.arrayContaining(['body.user_id', 'body.model_name']));
    expect(JSON.stringify(answer.body)).not.toContain('secretsecret');
    const query = await ask(world, 'GET', '/api/v1/ai/history/user_001?limit=0&other=1');
    expectProblem(query, 400, 'invalid_request');
    expect(query.body.errors).toEqual(expect.arrayContaining([expect.objectContaining({ path: 'query.limit' })]));
    expectProblem(await ask(world, 'GET', '/api/v1/ai/conversation/a.b'), 400, 'invalid_request');
    expectProblem(await ask(world, 'GET', '/api/v1/auth/me?x=1'), 400, 'invalid_request');
    expectProblem(await ask(world, 'DELETE', `${path}/c1`, { body: { a: 1 } }), 400, 'invalid_request');
    expectProblem(await ask(world, 'POST', path), 400, 'invalid_request');
    expect(world.calls).toEqual([]);
  });

  test('tells of at most 20 mistakes', async () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`.padEnd(300, 'x'), 1]));
    const answer = await ask(world, 'PUT', '/api/v1/ai/profile/user_001', { body: many });
    expectProblem(answer, 400, 'invalid_request');
    expect(answer.body.errors).toHaveLength(20);
    expect(JSON.stringify(answer.body).length).toBeLessThan(10_000);
  });
});

describe('a body', () => {
  const withContext = (context: string) => raw(`{"context":${context},${JSON.stringify(conversation).slice(1)}`);

  test('keeps numbers exact or refuses them', async () => {
    expectProblem(await withContext('{"n":9007199254740993}'), 400, 'unsafe_number');
    expectProblem(await withContext('{"n":1e400}'), 400, 'unsafe_number');
    expect((await withContext('{"n":9007199254740991,"m":0.1,"s":"9007199254740993"}')).status).toBe(201);
  });

  test.each(['{"__proto__":{}}', '{"\\u005f_proto__":1}', '{"constructor":{"prototype":{}}}', '[{"__proto__":1}]'])(
    'may not poison objects: %s',
    async (context) => expectProblem(await withContext(`{"a":${context}}`), 400, 'invalid_request'),
  );

  test('may speak of constructors and prototypes', async () => {
    expect((await withContext('{"constructor":"x","prototype":1,"text":"__proto__ \\u4f60"}')).status).toBe(201);
  });

  test('is well-formed UTF-8', async () => {
    const bytes = new Uint8Array([...Buffer.from('{"user_id":"'), 0xff, ...Buffer.from('"}')]);
    expectProblem(await raw(bytes), 400, 'invalid_request');
    for (const context of ['{"a":"\\ud800"}', '{"\\udc00":1}', '{"a":["\\ud83d\\ud83d"]}']) {
      expectProblem(await withContext(context), 400, 'invalid_request');
    }
    for (const context of ['{"a":"x\\u0000"}', '{"\\u0000":1}']) {
      expectProblem(await withContext(context), 400, 'invalid_request');
    }
    expect((await withContext('{"a":"\\\\u0000"}')).status).toBe(201);
    expect((await withContext('{"a":"\\ud83d\\ude00"}')).status).toBe(201);
    expectProblem(await raw(JSON.stringify({ ...conversation, user_input: 'x\ud800' })), 400, 'invalid_request');
  });

  test('is JSON, and its mistakes are not quoted', async () => {
    const answer = await raw('{"password": hunter2}');
    expectProblem(answer, 400, 'invalid_request');
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
    expectProblem(await raw('"text"'), 400, 'invalid_request');
  });

  test('is JSON by its type, too', async () => {
    const body = JSON.stringify(conversation);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=gbk']) {
      expectProblem(await raw(body, { 'content-type': type }), 415, 'unsupported_media_type');
    }
    expectProblem(await raw(body, { 'content-encoding': 'gzip' }), 415, 'unsupported_media_type');
    expect((await raw(body, { 'content-type': 'application/json; charset=UTF-8' })).status).toBe(201);
    const empty = { headers: { 'content-type': 'application/json' } };
    expect((await ask(world, 'DELETE', `${path}/c1`, empty)).status).toBe(200);
  });

  test('is bounded in bytes, depth and values', async () => {
    expectProblem(await raw(`"${'x'.repeat(8 * 1024 * 1024)}"`), 413, 'body_too_large');
    expectProblem(await withContext(`{"a":${'['.repeat(100)}${']'.repeat(100)}}`), 400, 'invalid_request');
    expectProblem(await withContext(`{"a":[${'1,'.repeat(50_001)}1]}`), 400, 'invalid_request');
    expect((await withContext('{"a":"[[[[{{{{\\\\\\"["}')).status).toBe(201);
  });
});

describe('who calls', () => {
  test('is shown by a key, in either header, or by a token', async () => {
    const me = '/api/v1/auth/me';
    for (const headers of [
      { authorization: `bearer ${keys.user.key}` },
      { 'x-api-key': keys.user.key },
      { authorization: `Bearer ${await world.token('user_001')}` },
    ]) {
      expect((await ask(world, 'GET', me, { key: null, headers })).status).toBe(200);
      expect(world.calls.at(-1)?.meta).toMatchObject({ scope: 'user_001' });
    }
  });

  test('is asked for where it is not shown or not known', async () => {
    const shown = ['Bearer mk_wrong', `Bearer mk_${'x'.repeat(43)}`, 'Basic dTpw', 'Bearer a.b.c', 'Bearer'];
    for (const authorization of shown) {
      const answer = await ask(world, 'GET', '/api/v1/auth/me', { key: null, headers: { authorization } });
      expectProblem(answer, 401, 'unauthenticated');
      expect(answer.headers.get('www-authenticate')).toContain('invalid_token');
    }
    const silent = await ask(world, 'GET', '/api/v1/auth/me', { key: null });
    expectProblem(silent, 401, 'unauthenticated');
    expect(silent.headers.get('www-authenticate')).toBe('Bearer realm="mindora"');
    const nobody = await ask(world, 'GET', '/api/v1/auth/me', { key: await world.token('nobody') });
    expectProblem(nobody, 401, 'unauthenticated');
  });

  test('is out 5 seconds after a suspension, with key and token', async () => {
    const known = world.principals.get('user_002');
    const token = await world.token('user_002');
    expect((await ask(world, 'GET', '/api/v1/auth/me', { key: token })).status).toBe(200);
    world.principals.delete('user_002');
    world.clock.now += 4000;
    expect((await ask(world, 'GET', '/api/v1/auth/me', { key: token })).status).toBe(200);
    world.clock.now += 1000;
    expectProblem(await ask(world, 'GET', '/api/v1/auth/me', { key: token }), 401, 'unauthenticated');
    if (known !== undefined) world.principals.set('user_002', known);
    expect((await ask(world, 'GET', '/api/v1/auth/me', { key: token })).status).toBe(200);
    world.clock.now += 3_600_000;
    expectProblem(await ask(world, 'GET', '/api/v1/auth/me', { key: token }), 401, 'unauthenticated');
  });

  test('is not asked for where the route is public, and is nobody there', async () => {
    const body = { login: 'user_001', password: 'x' };
    expect((await ask(world, 'POST', '/api/v1/auth/login', { key: null, body })).status).toBe(200);
    expect(world.calls[0]?.meta).toMatchObject({ principal: null, scope: '' });
  });
});

describe('a caller', () => {
  test('needs the permission of the route', async () => {
    expectProblem(await post({ ...conversation, user_id: 'guest_001' }, keys.guest.key), 403, 'forbidden');
    expectProblem(await ask(world, 'GET', '/api/v1/admin/sync/status'), 403, 'forbidden');
    expect((await ask(world, 'GET', '/api/v1/admin/sync/status', { key: keys.admin.key })).status).toBe(200);
  });

  test('is told so before its body is looked at', async () => {
    const answer = await ask(world, 'POST', path, { key: keys.guest.key, raw: 'no json' });
    expectProblem(answer, 403, 'forbidden');
  });

  test('touches only its own records, wherever the user is named', async () => {
    const other = { ...conversation, user_id: 'user_002' };
    expectProblem(await post(other), 403, 'forbidden');
    expectProblem(await ask(world, 'GET', '/api/v1/ai/history/user_002'), 403, 'forbidden');
    expectProblem(await ask(world, 'GET', '/api/v1/ai/statistics?user_id=user_002'), 403, 'forbidden');
    expectProblem(await ask(world, 'GET', '/api/v1/ai/history/USER_001'), 403, 'forbidden');
    const batch = (items: unknown[]) => ask(world, 'POST', '/api/v1/ai/conversations/batch', { body: { items } });
    expectProblem(await batch([conversation, other]), 403, 'forbidden');
    expectProblem(await batch([{ ...conversation, user_id: ['user_002'] }]), 403, 'forbidden');
    expect(world.calls).toEqual([]);
    expect((await batch([conversation, {}, null, 7])).status).toBe(200);
  });

  test('is filled in where it is left out', async () => {
    await ask(world, 'GET', '/api/v1/ai/statistics');
    expect(world.calls.at(-1)?.params).toMatchObject({ query: { user_id: 'user_001' } });
    await ask(world, 'GET', '/api/v1/ai/statistics', { key: keys.admin.key });
    expect(world.calls.at(-1)?.params).toMatchObject({ query: {} });
    expect(world.calls.at(-1)?.meta).toMatchObject({ scope: null });
  });

  test('who is an administrator touches all', async () => {
    expect((await post({ ...conversation, user_id: 'user_002' }, keys.admin.key)).status).toBe(201);
  });
});

describe('the configuration', () => {
  const admin = { key: keys.admin.key };
  const change = (table: string, body: object) => ask(world, 'PATCH', `/api/v1/admin/${table}/x`, { ...admin, body });
  const set = (config: object): void => {
    Object.assign(world.config, config);
    world.clock.now += 1001;
  };

  test('refuses writes in maintenance, but for what ends it', async () => {
    set({ maintenance_mode: true });
    const refused = await post(conversation);
    expectProblem(refused, 503, 'maintenance');
    expect(refused.headers.get('retry-after')).toBe('1');
    expectProblem(await post(conversation, keys.admin.key), 503, 'maintenance');
    expectProblem(await change('financial_records', { category: 'x' }), 503, 'maintenance');
    expect((await ask(world, 'GET', '/api/v1/ai/history/user_001')).status).toBe(200);
    expect((await ask(world, 'GET', '/api/v1/admin/sync/status', admin)).status).toBe(200);
    const password = { password: 'x'.repeat(12) };
    const users = '/api/v1/auth/users/user_001/password';
    expectProblem(await ask(world, 'PUT', users, { body: password }), 503, 'maintenance');
    expect((await ask(world, 'PUT', users, { ...admin, body: password })).status).toBe(200);
    expect((await change('system_configs', { config_value: 'false' })).status).toBe(200);
    set({ maintenance_mode: false });
    expect((await post(conversation)).status).toBe(201);
  });

  test('switches models off', async () => {
    set({ ai_api_enabled: false });
    const body = { message: 'hello' };
    expectProblem(await ask(world, 'POST', '/api/v1/chat', { body }), 503, 'ai_disabled');
    expect((await post(conversation)).status).toBe(201);
    set({ ai_api_enabled: true });
    expectProblem(await ask(world, 'POST', '/api/v1/chat', { body }), 503, 'store_unavailable');
  });

  test('bounds the users who are there at once', async () => {
    world.clock.now += 61_000;
    set({ max_concurrent_users: 1 });
    expect((await post(conversation)).status).toBe(201);
    const other = { ...conversation, user_id: 'user_002' };
    expectProblem(await post(other, await world.token('user_002')), 503, 'too_many_users');
    expect((await post(other, keys.admin.key)).status).toBe(201);
    expect((await post(conversation)).status).toBe(201);
    world.clock.now += 60_000;
    expect((await post(other, await world.token('user_002'))).status).toBe(201);
  });
});

describe('a position', () => {
  const token = encodePosition([{ entity: 'conversation', id: 'c1', version: 1 }]);
  const read = (headers: Record<string, string>, of = '/api/v1/ai/history/user_001') =>
    ask(world, 'GET', of, { headers });
  const waits = () => world.calls.filter(({ action }) => action === 'sync.waitFor').map(({ params }) => params);

  test('is waited for on the store that the route reads', async () => {
    expect((await read({ 'x-mindora-after': token })).status).toBe(200);
    await read({ 'x-mindora-after': token, 'x-mindora-wait-ms': '60000' }, '/api/v1/ai/conversation/c1');
    expect(waits()).toEqual([
      { store: 'relational', token, timeoutMs: 10_000 },
      { store: 'cache', token, timeoutMs: 60_000 },
    ]);
  });

  test('that is late or parked says so', async () => {
    const late = await read({ 'x-mindora-after': token, 'x-mindora-wait-ms': '0' });
    expectProblem(late, 504, 'position_timeout');
    expect(late.body.behind).toBe(3);
    const parked = await read({ 'x-mindora-after': token, 'x-mindora-wait-ms': '1' });
    expectProblem(parked, 409, 'parked');
    expect(parked.body.id).toBe('c9');
  });

  test('is checked, and its wait bounded', async () => {
    expectProblem(await read({ 'x-mindora-after': 'v1.nonsense' }), 400, 'invalid_position');
    for (const wait of ['60001', '-1', '1e3', 'x', '']) {
      const answer = await read({ 'x-mindora-after': token, 'x-mindora-wait-ms': wait });
      expectProblem(answer, 400, 'invalid_request');
    }
    expect(waits()).toEqual([]);
  });

  test('means nothing where the primary is read', async () => {
    expect((await read({ 'x-mindora-after': token }, '/api/v1/auth/me')).status).toBe(200);
    expect((await read({ 'x-mindora-after': 'nonsense' }, '/api/v1/auth/me')).status).toBe(200);
    expect(waits()).toEqual([]);
  });
});

describe('a problem', () => {
  test('of an action keeps its code; any other shows nothing', async () => {
    expectProblem(await ask(world, 'GET', `${path}/missing`), 404, 'not_found');
    const broken = await ask(world, 'GET', `${path}/broken`);
    expectProblem(broken, 500, 'internal');
    expect(JSON.stringify(broken.body)).not.toContain('secret internals');
    expectProblem(await ask(world, 'GET', `${path}/wrong`), 500, 'internal');
  });

  test('is what unknown paths and methods get', async () => {
    expectProblem(await ask(world, 'GET', '/api/v1/nothing'), 404, 'not_found');
    expectProblem(await ask(world, 'POST', `${path}/`, { body: {} }), 404, 'not_found');
    const wrongMethod = await ask(world, 'DELETE', path);
    expectProblem(wrongMethod, 405, 'method_not_allowed');
    expect(wrongMethod.headers.get('allow')).toBe('POST');
    const options = await ask(world, 'OPTIONS', '/api/v1/ai/profile/x');
    expectProblem(options, 405, 'method_not_allowed');
    expect(options.headers.get('allow')).toBe('GET, HEAD, PUT');
    expectProblem(await ask(world, 'POST', '/health', { body: {} }), 405, 'method_not_allowed');
    expectProblem(await ask(world, 'GET', '/api/v1/ai/history/%ff'), 400, 'invalid_request');
    expectProblem(await ask(world, 'GET', `/api/v1/ai/history/${'x'.repeat(5000)}`), 400, 'invalid_request');
  });
});

/** The calls of requirements A1, as they are written there. */
const calls = `POST /api/v1/ai/conversation
POST /api/v1/ai/analysis
POST /api/v1/ai/search
GET /api/v1/ai/history/{user_id}
GET /api/v1/ai/statistics
POST /api/v1/ai/search/conversations
POST /api/v1/ai/search/analysis
POST /api/v1/ai/search/conversations/mongodb
POST /api/v1/ai/search/analysis/mongodb
GET /api/v1/ai/profile/{user_id}
PUT /api/v1/ai/profile/{user_id}
GET /api/v1/ai/user/{user_id}
POST /api/v1/ai/user/{user_id}/login
GET /api/v1/ai/config/{config_key}
POST /api/v1/chat
POST /api/v1/analyze
DELETE /api/v1/ai/user/{user_id}`.split('\n');

test.each(calls)('A1: %s is there', async (call) => {
  const [method = '', route = ''] = call.split(' ');
  expect(routes.some((known) => known.method === method && known.path === route)).toBe(true);
  const answer = await ask(world, method, route.replace(/\{\w+\}/g, 'user_001'), { key: null });
  expectProblem(answer, 401, 'unauthenticated');
});

test('every route is registered', async () => {
  world.clock.now += 60_000;
  for (const route of routes.filter(({ access }) => access === 'authenticated')) {
    const answer = await ask(world, route.method, route.path.replace(/\{\w+\}/g, 'x'), { key: null });
    expect([route.action, answer.status === 401 || answer.status === 429]).toEqual([route.action, true]);
  }
});
