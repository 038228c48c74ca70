/** The HTTP API as a pedant uses it: A1 line by line, and everything that is refused. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodePosition } from '@mindora/contracts';
import { analysed, exchange, startWorld, type World } from '../support/api.ts';
import { mindoraJson } from '../support/version.ts';

let world: World;

beforeAll(async () => {
  world = await startWorld({ alice: 'user' });
});

afterAll(() => world.close());

const ask: World['ask'] = (...asked) => world.ask(...asked);
const get: World['get'] = (...asked) => world.get(...asked);
const post: World['post'] = (...asked) => world.post(...asked);
const patch: World['patch'] = (...asked) => world.patch(...asked);

describe('what A1 asks for, line by line', () => {
  let ofFields: unknown;

  test('A1.1, A1.4: what may be left out may be null; the newest is first; 50 and 10 are what limits are', async () => {
    const first = await post('/api/v1/ai/conversation', exchange('reader'));
    expect(first.body).toMatchObject({ conversation_id: expect.any(String), status: 'success' });
    const second = await post('/api/v1/ai/conversation', exchange('reader', { context: null, conversation_id: null }));
    const items = Array.from({ length: 60 }, (_, n) => exchange('reader', { user_input: `问题 ${n}` }));
    const batch = await post('/api/v1/ai/conversations/batch', { items });
    const after = { after: batch.body.position };
    const { body } = await get('/api/v1/ai/history/reader', after);
    const history = body.history as { id: string; created_at: string }[];
    expect(history).toHaveLength(50);
    const times = history.map(({ created_at }) => created_at);
    expect(times).toEqual([...times].sort().reverse());
    expect(Object.keys(history[0] ?? {}).sort()).toEqual(
      ['ai_response', 'created_at', 'id', 'model_name', 'session_id', 'user_input'].sort(),
    );
    const rest = await get(`/api/v1/ai/history/reader?cursor=${body.next}`, after);
    const ids = (rest.body.history as { id: string }[]).map(({ id }) => id);
    expect(ids.slice(-2)).toEqual([second.body.conversation_id, first.body.conversation_id]);
    for (const path of ['', '/conversations', '/conversations/mongodb']) {
      const query = path === '/conversations/mongodb' ? { user_id: 'reader' } : '问题';
      const found = await post(`/api/v1/ai/search${path}`, { query, limit: null, user_id: null }, after);
      expect({ path, found: (found.body.results as unknown[]).length }).toEqual({ path, found: 10 });
      expect((await post(`/api/v1/ai/search${path}`, { query, limit: '3' }, after)).body.results).toHaveLength(3);
    }
  });

  test('A1.3 answers with the fields of the class, A1.8 with _id', async () => {
    const { body } = await post('/api/v1/ai/conversation', exchange('fields', { context: { source: 'test' } }));
    ofFields = body.position;
    const after = { after: body.position };
    const near = await post('/api/v1/ai/search', { query: '向量数据库', user_id: 'fields' }, after);
    expect(near.body.results).toMatchObject([
      { userInput: '向量数据库是什么？', aiResponse: 'It finds what is similar.', userId: 'fields' },
    ]);
    const documents = await post('/api/v1/ai/search/conversations/mongodb', { query: { user_id: 'fields' } }, after);
    expect(documents.body.results).toMatchObject([
      { _id: body.conversation_id, context: { source: 'test' }, metadata: { source: 'ai_api', version: '1.0' } },
    ]);
    expect((await post('/api/v1/ai/search/analysis/mongodb', {})).status).toBe(200);
  });

  test.each([
    ['数据', 1],
    ['据库', 1],
    ['similar', 1],
    ['"what is similar"', 1],
    ['"similar what"', 0],
    ['NEAR(', 0],
    ['user_input:similar', 0],
    ["'; DROP TABLE ai_conversations; --", 0],
    ['* OR 1=1', 0],
    ['"', 0],
    ['。', 0],
  ])('A1.6: %s is words, never a command', async (query, found) => {
    const { body } = await post('/api/v1/ai/search/conversations', { query, user_id: 'fields' }, { after: ofFields });
    expect(body.results).toHaveLength(found);
  });

  test('A1.2, A1.5, A1.7: figures that are whole or missing, and words of the result', async () => {
    const none = await get('/api/v1/ai/statistics?user_id=analyst');
    expect(none.body.statistics).toEqual({ total_analyses: 0, average_confidence: null });
    const success = { analysis_id: expect.any(String), status: 'success' };
    const whole = analysed('analyst', { confidence_score: 1, processing_time: null });
    const first = await post('/api/v1/ai/analysis', whole);
    expect(first.body).toMatchObject(success);
    const one = await get('/api/v1/ai/statistics?user_id=analyst', { after: first.body.position });
    expect(one.body.statistics).toMatchObject({ total_analyses: 1, average_confidence: 1 });
    const half = analysed('analyst', { confidence_score: 0.5, processing_time: 12 });
    const items = [half, analysed('analyst', { confidence_score: null })];
    const more = await post('/api/v1/ai/analyses/batch', { items });
    expect(more.body.results).toMatchObject([success, success]);
    const after = { after: more.body.position };
    const some = await get('/api/v1/ai/statistics?user_id=analyst', after);
    expect(some.body.statistics).toMatchObject({ total_analyses: 3, average_confidence: 0.75 });
    const words = { query: 'typescript', analysis_type: 'resume', user_id: 'analyst' };
    await post('/api/v1/ai/search/analysis', words, { after: first.body.position });
    const { body } = await post('/api/v1/ai/search/analysis', words, after);
    expect(body.results).toMatchObject([{ tags: ['analysis', 'resume'] }, {}, {}]);
    const others = await post('/api/v1/ai/search/analysis', { ...words, analysis_type: 'other' }, after);
    expect(others.body.results).toEqual([]);
  });

  test('A1.9: no profile is null; fields merge; what was read may be sent back', async () => {
    const path = '/api/v1/ai/profile/reader';
    expect((await get(path)).body.profile).toBeNull();
    await ask('PUT', path, { body: { city: 'Oslo', age: 40 } });
    const merged = await ask('PUT', path, { body: { age: null, tags: ['a'] } });
    expect(merged.body).toMatchObject({ success: true, status: 'success' });
    const { body } = await get(path, { after: merged.body.position });
    expect(body.profile).toMatchObject({ user_id: 'reader', city: 'Oslo', age: null, tags: ['a'] });
    expect((await ask('PUT', path, { body: body.profile })).status).toBe(200);
    expect((await ask('PUT', path, { body: { user_id: 'bob' } })).status).toBe(400);
  });

  test('A1.10, A1.11: accounts and configuration, null where there is none', async () => {
    expect((await post('/api/v1/ai/user/alice/login', undefined)).body).toMatchObject({ success: true });
    const { body } = await get('/api/v1/ai/user/alice');
    expect(body.user_info).toMatchObject({ user_id: 'alice', role: 'user', last_login: expect.any(String) });
    expect((await get('/api/v1/ai/user/nobody')).body.user_info).toBeNull();
    expect((await post('/api/v1/ai/user/nobody/login', undefined)).body.success).toBe(false);
    const value = async (key: string) => (await get(`/api/v1/ai/config/${key}`)).body.config_value;
    expect(await value('system_name')).toBe('AI System');
    expect(await value('nothing')).toBeNull();
    await patch('/api/v1/admin/system_configs/default_language', { is_active: false });
    expect(await value('default_language')).toBeNull();
  });
});

describe('what is refused tells why', () => {
  test.each<[string, object, RegExp]>([
    ['a field that is missing', exchange('a', { model_name: undefined }), /^body.model_name: is required$/],
    ['a field that is not there', exchange('a', { foo: 1 }), /has no field foo; there are conversation_id, user_id/],
    ['another kind of value', exchange('a', { context: [] }), /^body.context: must be an object$/],
    ['a text that is too long', exchange('u'.repeat(51)), /^body.user_id: must have at most 50 characters$/],
    ['an empty text', exchange(''), /^body.user_id: must not be empty$/],
    ['an id that no path can name', exchange('..'), /^body.user_id: must not be . or ..$/],
    ['a NUL in an id', exchange('a\0b'), /a text holds the character NUL/],
    ['a NUL in a text', exchange('a', { user_input: 'a\0b' }), /a text holds the character NUL/],
    ['a NUL in a name', exchange('a', { context: { 'a\0b': 1 } }), /a name holds the character NUL/],
  ])('%s', async (_, body, detail) => {
    const answer = await post('/api/v1/ai/conversation', body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(answer.body.detail).toMatch(detail);
  });

  test.each([
    'limit=0',
    'limit=201',
    'limit=',
    'limit=0x5',
    'limit=1e1',
    'limit=1&limit=2',
    'limit[]=1',
    'foo=1',
    'cursor=x',
  ])('a query with %s', async (query) => {
    expect((await get(`/api/v1/ai/history/alice?${query}`)).status).toBe(400);
  });

  test.each([true, [5], {}, 1.5, '5 ', -1])('a limit that is %j', async (limit) => {
    expect((await post('/api/v1/ai/search', { query: 'x', limit })).status).toBe(400);
  });

  test.each<[string, string, string]>([
    ['no JSON', 'hello', 'invalid_request'],
    ['rounding numbers', '{"n":12345678901234567890}', 'unsafe_number'],
    ['numbers beyond all', '{"n":1e400}', 'unsafe_number'],
    ['half a character', '{"n":"\\ud800"}', 'invalid_request'],
    ['a prototype', '{"__proto__":{"role":"admin"}}', 'invalid_request'],
    ['a prototype in disguise', '{"\\u005f_proto__":{"role":"admin"}}', 'invalid_request'],
    ['depth', `{"n":${'['.repeat(70)}${']'.repeat(70)}}`, 'invalid_request'],
    ['many values', `{"n":[${'1,'.repeat(60_000)}1]}`, 'invalid_request'],
  ])('a body with %s', async (_, raw, code) => {
    expect((await ask('PUT', '/api/v1/ai/profile/reader', { raw })).body.code).toBe(code);
  });

  test('a body that is too large, and the answer can be read', async () => {
    for (let n = 0; n < 3; n++) {
      const { status } = await ask('PUT', '/api/v1/ai/profile/reader', { raw: `{"n":"${'x'.repeat(24_000_000)}"}` });
      expect(status).toBe(413);
    }
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1'])(
    'a body of type %s',
    async (type) => {
      const headers = { 'content-type': type };
      expect((await ask('PUT', '/api/v1/ai/profile/reader', { raw: '{}', headers })).status).toBe(415);
    },
  );

  test.each(['%', '%ff', '%ed%a0%80'])('a path with %s', async (part) => {
    expect((await get(`/api/v1/ai/history/${part}`)).status).toBe(400);
  });

  test.each<[string, object]>([
    ['an operator that runs code', { $where: 'sleep(1000)' }],
    ['a pattern with back references', { user_input: { $regex: '(a)\\1' } }],
    ['a pattern that explodes', { user_input: { $regex: '((((a{1,100}){1,100}){1,100}){1,100})' } }],
    ['too many conditions', { $or: Array.from({ length: 100 }, (_, n) => ({ n })) }],
    ['too much depth', Array.from({ length: 20 }).reduce<object>((filter) => ({ $and: [filter] }), { a: 1 })],
  ])('a filter with %s', async (_, query) => {
    const answer = await post('/api/v1/ai/search/conversations/mongodb', { query });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_filter' } });
  });

  test('cursors and positions that were made up', async () => {
    const made = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const wrong = ['x', made([1, 2]), made({ a: 1 }), made(['a']), made(null)];
    for (const cursor of wrong) {
      const asked = [
        get(`/api/v1/ai/history/alice?cursor=${cursor}`),
        get(`/api/v1/ai/personal/reader/conversations?cursor=${cursor}`),
        get(`/api/v1/admin/users?cursor=${cursor}`),
        post('/api/v1/ai/search/conversations', { query: 'x', cursor }),
        post('/api/v1/ai/search/conversations/mongodb', { cursor }),
      ];
      const codes = (await Promise.all(asked)).map(({ body }) => body.code);
      expect({ cursor, codes }).toEqual({ cursor, codes: Array(5).fill('invalid_cursor') });
    }
    const positions = ['x', 'v1.x', `v1.${made([[6, 'a', -1]])}`, `v1.${made([[99, 'a', 1]])}`];
    for (const after of [...positions, `v1.${made(Array(33).fill([6, 'a', 1]))}`]) {
      expect((await get('/api/v1/ai/history/alice', { after })).body.code).toBe('invalid_position');
    }
    const future = encodePosition([{ entity: 'conversation', id: 'never', version: 1 }]);
    const late = await get('/api/v1/ai/history/alice', { after: future, headers: { 'x-mindora-wait-ms': '10' } });
    expect(late).toMatchObject({ status: 504, body: { code: 'position_timeout' } });
  });
});

describe('what is odd and allowed is kept as it is', () => {
  const written = new Map<string, unknown>();

  const ids = [
    '../../../etc/passwd',
    'a/b',
    'a\\b',
    'CON',
    '-rf',
    '$(x)',
    'a\nb',
    '💥'.repeat(20),
    '\u202e',
    '%2e%2e',
    'null',
  ];

  test.each(ids)('the user %j has its own records and its own file', async (user_id) => {
    const { body } = await post('/api/v1/ai/conversation', exchange(user_id));
    const id = encodeURIComponent(user_id);
    const asked = { after: body.position };
    const personal = await get(`/api/v1/ai/personal/${id}/conversations`, asked);
    expect(personal.body.items).toMatchObject([{ id: body.conversation_id, user_id }]);
    const { history } = (await get(`/api/v1/ai/history/${id}`, asked)).body;
    expect(history).toMatchObject([{ id: body.conversation_id }]);
  });

  test.each<[string, object]>([
    ['nothing', { user_input: '', ai_response: ' ' }],
    ['marks of the search', { user_input: '<em>\uE000x\uE001</em> & "quoted"' }],
    ['depth', { context: { deep: JSON.parse(`${'['.repeat(60)}${']'.repeat(60)}`) } }],
    ['names of objects', { context: { constructor: 'x', toString: null, hasOwnProperty: 1, length: -1 } }],
    ['numbers', { context: { n: [1e308, 5e-324, -1.5, 9007199254740991], s: '9007199254740993' } }],
    ['a long text', { user_input: '词'.repeat(200_000) }],
  ])('%s', async (what, more) => {
    const { body } = await post('/api/v1/ai/conversation', exchange('odd', more));
    written.set(what, body.position);
    const asked = { after: body.position };
    const read = await get(`/api/v1/ai/conversation/${body.conversation_id}`, asked);
    expect(read.body.conversation).toMatchObject(more);
    const query = { conversation_id: body.conversation_id };
    const found = await post('/api/v1/ai/search/conversations/mongodb', { query }, asked);
    expect(found.body.results).toMatchObject([more]);
  });

  test('the highlight of a search is safe to show', async () => {
    const after = { after: written.get('marks of the search') };
    const { body } = await post('/api/v1/ai/search/conversations', { query: 'quoted', user_id: 'odd' }, after);
    const [hit] = body.results as { highlight: Record<string, string> }[];
    expect(hit?.highlight.user_input).toContain('&lt;em&gt;x&lt;/em&gt;');
    expect(hit?.highlight.user_input).toContain('<em>quoted</em>');
  });

  test('and every store agrees about it', async () => {
    const { code, json } = await mindoraJson(world.directory, ['verify']);
    const { parked } = (await mindoraJson(world.directory, ['parked', 'list'])).json as { parked: { store: string }[] };
    expect({ code, differences: json.differences, parked }).toEqual({ code: 0, differences: [], parked: [] });
  });
});

describe('HTTP itself', () => {
  /** What comes back for the bytes of a request, until the server ends the connection. */
  const send = async (head: string, ...parts: string[]): Promise<string> => {
    const { hostname, port } = new URL(world.version.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    for (const part of [head, ...parts]) socket.write(part);
    await once(socket, 'close');
    return text;
  };
  const host = 'Host: localhost\r\n';
  const closing = `${host}Connection: close\r\n`;
  const key = (): string => `Authorization: Bearer ${world.version.adminKey}\r\n`;

  test.each<[string, string, string]>([
    ['no HTTP', 'hello\r\n\r\n', 'the request is not HTTP'],
    ['no host', 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n', 'the Host header is missing'],
    ['huge headers', `GET /health HTTP/1.1\r\n${host}X-A: ${'a'.repeat(40_000)}\r\n\r\n`, 'the headers are too large'],
    ['a split header', `GET /health HTTP/1.1\r\n${host}X-Request-Id: a\rb\r\n\r\n`, 'the request is not HTTP'],
    [
      'two lengths',
      `POST /health HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n`,
      'the request is not HTTP',
    ],
  ])('%s is a problem, too', async (_, request, detail) => {
    const answer = await send(request);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.toLowerCase()).toContain('content-type: application/problem+json');
    expect(answer.toLowerCase()).toContain('x-request-id: ');
    expect(answer).toContain(detail);
  });

  test.each(['a b', 'a%0d%0aSet-Cookie:x', '<script>', 'x'.repeat(129)])(
    'the request id %s is not taken',
    async (id) => {
      const answer = await send(`GET /health HTTP/1.1\r\n${closing}X-Request-Id: ${id}\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(answer).not.toContain(id);
    },
  );

  test('an expectation that nobody knows is no reason to refuse', async () => {
    const head = `GET /api/v1/auth/me HTTP/1.1\r\n${closing}${key()}Expect: the-unexpected\r\n\r\n`;
    expect(await send(head)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('a body that goes on and on gets its answer, and the connection lives', async () => {
    const head = `PUT /api/v1/ai/profile/a HTTP/1.1\r\n${host}${key()}Content-Type: application/json\r\n`;
    const chunk = `100000\r\n${'x'.repeat(0x10_0000)}\r\n`;
    const next = `GET /health HTTP/1.1\r\n${closing}\r\n`;
    const body = [...Array<string>(20).fill(chunk), '0\r\n\r\n'];
    const answers = await send(`${head}Transfer-Encoding: chunked\r\n\r\n`, ...body, next);
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 200']);
  });

  test('methods and paths that are not there', async () => {
    expect((await ask('DELETE', '/api/v1/ai/history/a')).headers.get('allow')).toBe('GET, HEAD');
    const wrong = [get('/nothing'), get('/api/v1/ai/history/a/'), get('/api/v1/ai/history//a'), get('/docs/..%2fx')];
    for (const { status } of await Promise.all(wrong)) expect(status).toBe(404);
  });
});
