/** Every border between users, by every route: what is a user's is seen and changed by nobody else. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { routes } from '@mindora/contracts/routes';
import { until } from '@mindora/testing/plain';
import { type Answer, analysed, exchange, passwordOf, startWorld, type World } from '../support/api.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld({ alice: 'user', bob: 'user', guest: 'guest' });
});

afterAll(() => world.close());

const ask: World['ask'] = (...asked) => world.ask(...asked);
const get: World['get'] = (...asked) => world.get(...asked);
const post: World['post'] = (...asked) => world.post(...asked);
const patch: World['patch'] = (...asked) => world.patch(...asked);

const as: World['as'] = (user) => world.as(user);

/** Requests that name what is alice's; routes left out need nothing that could be named. */
const ofAlice: Readonly<Record<string, { query?: string; body?: unknown }>> = {
  'conversation.create': { body: exchange('alice') },
  'conversation.createBatch': { body: { items: [exchange('bob'), exchange('alice')] } },
  'conversation.update': { body: { user_input: 'taken over' } },
  'analysis.create': { body: analysed('alice') },
  'analysis.createBatch': { body: { items: [analysed('alice')] } },
  'analysis.update': { body: { input_content: 'taken over' } },
  'analysis.statistics': { query: '?user_id=alice' },
  'vector.conversations': { body: { query: 'lighthouse', user_id: 'alice' } },
  'vector.analyses': { body: { query: 'lighthouse', user_id: 'alice' } },
  'search.conversations': { body: { query: 'lighthouse', user_id: 'alice' } },
  'search.analyses': { body: { query: 'lighthouse', user_id: 'alice' } },
  'search.conversationDocuments': { body: { user_id: 'alice' } },
  'search.analysisDocuments': { body: { user_id: 'alice' } },
  'graph.skills': { query: '?user_id=alice' },
  'identity.mergeProfile': { body: { city: 'taken over' } },
  'identity.setPassword': { body: { password: 'taken over by another' } },
  'identity.createKey': { body: { user_id: 'alice', name: 'of a thief' } },
  'identity.keys': { query: '?user_id=alice' },
  'model.chat': { body: { message: 'lighthouse', user_id: 'alice' } },
  'model.analyze': { body: { content: 'lighthouse', user_id: 'alice' } },
  'sync.erase': { body: { user_id: 'alice' } },
};

describe('what is a user’s is nobody else’s', () => {
  const ids: Record<string, string> = { user_id: 'alice', collection: 'conversations', config_key: 'x', job_id: 'x' };
  let after: unknown;

  beforeAll(async () => {
    const secret = { user_input: 'where the lighthouse is', ai_response: 'the lighthouse is north' };
    const items = [exchange('alice', secret), exchange('alice', secret)];
    const conversations = await post('/api/v1/ai/conversations/batch', { items }, as('alice'));
    const lighthouse = analysed('alice', { input_content: 'lighthouse', analysis_result: { skills: ['lighthouse'] } });
    const analysis = await post('/api/v1/ai/analysis', lighthouse, as('alice'));
    await ask('PUT', '/api/v1/ai/profile/alice', { body: { city: 'lighthouse' }, ...as('alice') });
    const listed = await get('/api/v1/auth/keys', as('alice'));
    const [conversation] = conversations.body.results as { conversation_id: string }[];
    ids.conversation_id = conversation?.conversation_id ?? '';
    ids.analysis_id = String(analysis.body.analysis_id);
    ids.session_id = encodeURIComponent('session of alice');
    ids.key_id = (listed.body.keys as { id: string }[])[0]?.id ?? '';
    ids.id = 'alice';
    after = conversations.body.position;
    await until(
      async () => {
        const { body } = await get('/api/v1/ai/graph/skills?user_id=alice');
        return JSON.stringify(body).includes('lighthouse') || null;
      },
      60_000,
      () => 'the analysis in the graph',
    );
  });

  const pathOf = (path: string): string => path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? '');
  const request = (route: (typeof routes)[number], key: string | null): Promise<Answer> => {
    const { query = '', body } = ofAlice[route.action] ?? {};
    const needsBody = route.body !== undefined;
    return ask(route.method, pathOf(route.path) + query, { key, ...(needsBody ? { body: body ?? {} } : {}) });
  };

  test('no route but the login answers without a key', async () => {
    for (const route of routes.filter(({ access }) => access === 'authenticated')) {
      expect({ action: route.action, status: (await request(route, null)).status }).toEqual({
        action: route.action,
        status: 401,
      });
    }
    for (const path of ['/metrics', '/api/v1/auth/me?api_key=x']) {
      expect((await get(path, { key: null })).status).toBe(401);
    }
  });

  test.each(['guest', 'bob'])('%s gets nothing of it by any route, and changes nothing', async (thief) => {
    const nothing: string[] = [];
    for (const route of routes.filter(({ access }) => access === 'authenticated')) {
      const { status, text } = await request(route, as(thief).key);
      expect(text).not.toContain('lighthouse');
      expect(text).not.toContain(ids.analysis_id);
      if (status !== 403 && status !== 404) nothing.push(route.action);
    }
    const own = ['identity.whoami', 'config.value'];
    const ofGraph = ['graph.chain', 'graph.related', 'graph.path'];
    expect(nothing.filter((action) => !ofGraph.includes(action)).sort()).toEqual(own.sort());
    const { body } = await get(`/api/v1/ai/conversation/${ids.conversation_id}`, as('alice'));
    expect(body.conversation).toMatchObject({ user_input: 'where the lighthouse is' });
  });

  test('not by searching, filtering, pages or paths either', async () => {
    const filters: object[] = [
      { $or: [{ user_id: 'alice' }, { user_id: 'bob' }] },
      { $nor: [{ user_id: 'bob' }] },
      { user_id: { $ne: 'bob' } },
      { user_id: { $in: ['alice'] } },
      { user_id: { $not: { $eq: 'bob' } } },
      { "x' OR 1=1 --": { $exists: false } },
    ];
    const page = await get('/api/v1/ai/history/alice?limit=1', { ...as('alice'), after });
    const conversation = `AIConversation:${ids.conversation_id}`;
    const asked = [
      ...filters.map((query) => post('/api/v1/ai/search/conversations/mongodb', { query }, as('bob'))),
      ...['', '/conversations', '/analysis', '/analysis/semantic'].map((path) =>
        post(`/api/v1/ai/search${path}`, { query: 'lighthouse' }, as('bob')),
      ),
      get(`/api/v1/ai/history/bob?cursor=${page.body.next}`, as('bob')),
      get('/api/v1/ai/history/bob', { ...as('bob'), after }),
      get(`/api/v1/ai/graph/path?from=AIUser:bob&to=${conversation}`, as('bob')),
      get(`/api/v1/ai/graph/path?from=AIModel:deepseek-chat&to=Skill:lighthouse`, as('bob')),
      get('/api/v1/ai/graph/skills', as('bob')),
      get('/api/v1/ai/statistics', as('bob')),
      get('/api/v1/auth/keys', as('bob')),
    ];
    for (const { status, text } of await Promise.all(asked)) {
      expect(status).toBe(200);
      expect(text).not.toContain('lighthouse is');
      expect(text).not.toContain('"alice"');
    }
    for (const path of ['%61lice', 'bob%2f..%2falice', 'bob/../alice', 'alice%20', 'ALICE', 'bob;alice']) {
      expect((await get(`/api/v1/ai/history/${path}`, as('bob'))).status).toBe(403);
    }
    expect((await get('/api/v1/ai/history/bob%00', as('bob'))).status).toBe(400);
  });

  test('an id that is taken tells nothing, and isn’t taken over', async () => {
    const own = exchange('alice', { conversation_id: 'chosen-by-alice' });
    expect((await post('/api/v1/ai/conversation', own, as('alice'))).status).toBe(201);
    expect((await post('/api/v1/ai/conversation', own, as('alice'))).status).toBe(201);
    const same = await post('/api/v1/ai/conversation', { ...own, user_id: 'bob' }, as('bob'));
    const guess = await post('/api/v1/ai/conversation', { ...own, user_id: 'bob', user_input: '?' }, as('bob'));
    expect([same.status, guess.status]).toEqual([409, 409]);
    expect({ ...same.body, instance: '' }).toEqual({ ...guess.body, instance: '' });
  });

  test('a role that may manage users or settings is no administrator', async () => {
    const grant = async (permission_code: string, then: () => Promise<void>): Promise<void> => {
      const { body } = await post('/api/v1/admin/role_permissions', { role_name: 'user', permission_code });
      await then();
      expect((await ask('DELETE', `/api/v1/admin/role_permissions/${body.id}`)).status).toBe(200);
    };
    const status = async (asked: Promise<Answer>): Promise<number> => (await asked).status;
    const bob = as('bob');
    await grant('user_manage', async () => {
      expect(await status(get('/api/v1/admin/users', bob))).toBe(200);
      expect(await status(patch('/api/v1/admin/users/bob', { role: 'admin' }, bob))).toBe(403);
      expect(await status(patch('/api/v1/admin/users/admin_001', { password: 'taken over by bob' }, bob))).toBe(403);
      const grants = { role_name: 'user', permission_code: 'system_config' };
      expect(await status(post('/api/v1/admin/role_permissions', grants, bob))).toBe(403);
      expect(await status(post('/api/v1/auth/keys', { user_id: 'admin_001', name: 'x' }, bob))).toBe(403);
    });
    expect(await status(get('/api/v1/admin/users', bob))).toBe(403);
    await grant('system_config', async () => {
      expect(await status(get('/api/v1/admin/sync/status', bob))).toBe(200);
      expect(await status(post('/api/v1/admin/sync/erase', { user_id: 'admin_001' }, bob))).toBe(403);
      expect(await status(get('/api/v1/admin/users', bob))).toBe(403);
    });
  });
});

describe('who is let in', () => {
  const me = async (key: string): Promise<number> => (await get('/api/v1/auth/me', { key })).status;
  const login = (user: string) =>
    post('/api/v1/auth/login', { login: user, password: passwordOf(user) }, { key: null });

  test('a token that was changed, has ended, or is of another version opens nothing', async () => {
    const { token } = (await login('bob')).body as { token: string };
    expect(await me(token)).toBe(200);
    const [head = '', payload = '', signature = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iat: number };
    const { jwt } = JSON.parse(readFileSync(join(world.directory, 'future/secrets.json'), 'utf8')) as { jwt: string };
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = (more: object, secret: string): string => {
      const text = `${head}.${part({ ...claims, ...more })}`;
      return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
    };
    expect(await me(signed({}, jwt))).toBe(200);
    const none = part({ alg: 'none', typ: 'JWT' });
    const others = [
      `${head}.${part({ ...claims, sub: 'admin_001' })}.${signature}`,
      `${none}.${part({ ...claims, sub: 'admin_001' })}.`,
      signed({ exp: claims.iat - 1, iat: claims.iat - 3600 }, jwt),
      signed({ iss: 'dao' }, jwt),
      signed({ aud: 'other' }, jwt),
      signed({ exp: undefined }, jwt),
      signed({ sub: 'nobody' }, jwt),
      signed({}, 'another secret, of another version'),
      'mk_x',
      '...',
    ];
    for (const other of others) expect(await me(other)).toBe(401);
  });

  test('a revoked key, a suspended user and taken rights are out at once', async () => {
    const { body } = await post('/api/v1/auth/keys', { name: 'for a while' }, as('bob'));
    const key = String(body.key);
    expect(await me(key)).toBe(200);
    const { id } = body.key_info as { id: string };
    expect((await ask('DELETE', `/api/v1/auth/keys/${id}`, as('bob'))).status).toBe(200);
    expect(await me(key)).toBe(401);
    await patch('/api/v1/admin/users/bob', { status: 'suspended' });
    expect(await me(as('bob').key)).toBe(401);
    expect((await login('bob')).body.code).toBe('wrong_credentials');
    await patch('/api/v1/admin/users/bob', { status: 'active' });
    expect(await me(as('bob').key)).toBe(200);
  });

  test('an erased user is out at once and never comes back', async () => {
    await world.makeUser('eve', 'user');
    const { token } = (await login('eve')).body as { token: string };
    await post('/api/v1/ai/conversation', exchange('eve'), as('eve'));
    const { body } = await ask('DELETE', '/api/v1/ai/user/eve', as('eve'));
    expect(body.certificate).toMatchObject({ user_id: 'eve', ok: true });
    for (const key of [as('eve').key, token]) expect(await me(key)).toBe(401);
    expect((await login('eve')).status).toBe(401);
    const returns = [
      post('/api/v1/ai/conversation', exchange('eve')),
      post('/api/v1/ai/analysis', analysed('eve')),
      ask('PUT', '/api/v1/ai/profile/eve', { body: { city: 'x' } }),
      post('/api/v1/admin/users', { user_id: 'eve', username: 'eve', email: 'again@example.com' }),
    ];
    for (const answer of await Promise.all(returns)) expect(answer.body.code).toBe('user_erased');
    const batch = await post('/api/v1/ai/conversations/batch', { items: [exchange('eve')] });
    expect(batch.body.results).toMatchObject([{ status: 'error', problem: { code: 'user_erased' } }]);
  });

  test('the last administrator stays, whichever way it is asked for', async () => {
    await patch('/api/v1/admin/users/system_001', { status: 'suspended' });
    const last = [
      patch('/api/v1/admin/users/admin_001', { status: 'suspended' }),
      patch('/api/v1/admin/users/admin_001', { role: 'user' }),
      ask('DELETE', '/api/v1/ai/user/admin_001'),
      post('/api/v1/admin/sync/erase', { user_id: 'admin_001' }),
    ];
    for (const answer of await Promise.all(last)) expect(answer.body.code).toBe('conflict');
    await patch('/api/v1/admin/users/system_001', { status: 'active' });
    expect((await get('/api/v1/auth/me')).status).toBe(200);
  });
});

test('no secret and no content stands in a log, and no secret of others in an answer', () => {
  const log = world.version.log();
  expect(log).toContain('"msg":"request"');
  const requests = log.split('\n').filter((line) => line.startsWith('{'));
  const contents = ['lighthouse', 'session of', 'TypeScript', '向量', 'OR 1=1', 'example.com', 'pass phrase', 'eyJ'];
  for (const line of requests) {
    expect(line).not.toMatch(/mk_[\w-]{20}/);
    for (const content of contents) expect(line).not.toContain(content);
  }
  const answers = world.answered();
  expect(answers).not.toContain(world.version.adminKey);
  for (const secret of ['password_hash', '$scrypt', 'pass phrase', 'api_key_encrypted']) {
    expect(answers).not.toContain(secret);
  }
});
