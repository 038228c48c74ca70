import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { newApiKey } from '@mindora/runtime';
import type { GatewayDeps } from '../src/index.ts';
import { ask, conversation, keepingLogger, keys, random, startWorld, type World } from './world.ts';

const worlds: World[] = [];

async function start(deps: Partial<GatewayDeps> = {}): Promise<World> {
  const world = await startWorld(deps);
  worlds.push(world);
  return world;
}

afterEach(async () => {
  for (const world of worlds.splice(0)) {
    world.hold.resolve();
    await world.close();
  }
});

const held = '/api/v1/ai/conversation/hold';

/** Polls to a deadline. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not come true in 10 s');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function gauge(world: World, name: string): Promise<number> {
  const { body } = await ask(world, 'GET', '/metrics', { key: keys.admin.key });
  return Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(String(body))?.[1]);
}

const requestsUnderWay = (world: World) => gauge(world, 'mindora_http_requests_in_flight');

/** Sends bytes as they are and reads until the other side closes. */
function sendRaw(world: World, bytes: string): Promise<string> {
  const { port } = new URL(world.url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('utf8').on('data', (part: string) => {
      answer += part;
    });
    socket.on('end', () => resolve(answer)).on('error', reject);
  });
}

describe('rates', () => {
  test('bound a user, not an administrator', async () => {
    const world = await start({ limits: { principalRate: { perSecond: 0.5, burst: 2 } } });
    const me = (key: string) => ask(world, 'GET', '/api/v1/auth/me', { key });
    for (let i = 0; i < 2; i++) expect((await me(keys.user.key)).status).toBe(200);
    const refused = await me(keys.user.key);
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
      429,
      'too_many_requests',
      '2',
    ]);
    expect((await me(keys.guest.key)).status).toBe(200);
    for (let i = 0; i < 5; i++) expect((await me(keys.admin.key)).status).toBe(200);
    world.clock.now += 2000;
    expect((await me(keys.user.key)).status).toBe(200);
    expect((await me(keys.user.key)).status).toBe(429);
  });

  test('bound wrong keys of an address, without locking out the right ones', async () => {
    const world = await start({ limits: { addressRate: { perSecond: 1, burst: 3 } } });
    const wrong = () => ask(world, 'GET', '/api/v1/auth/me', { key: `mk_${'a'.repeat(43)}` });
    for (let i = 0; i < 3; i++) expect((await wrong()).status).toBe(401);
    expect((await wrong()).status).toBe(429);
    expect((await ask(world, 'GET', '/api/v1/auth/me')).status).toBe(200);
  });

  test('bound logins by name, whatever its case, and by address', async () => {
    const limits = { loginRate: { perSecond: 0.1, burst: 2 }, loginAddressRate: { perSecond: 0.1, burst: 5 } };
    const world = await start({ limits });
    const login = async (name: string) => {
      const body = { login: name, password: 'x' };
      return (await ask(world, 'POST', '/api/v1/auth/login', { key: null, body })).status;
    };
    const names = ['a', 'A', 'a', 'b', 'b', 'c'];
    const statuses: number[] = [];
    for (const name of names) statuses.push(await login(name));
    expect(statuses).toEqual([200, 200, 429, 200, 200, 429]);
  });
});

describe('load', () => {
  test('beyond the requests under way is refused', async () => {
    const world = await start({ limits: { requestsInFlightMax: 2 } });
    const slow = [ask(world, 'GET', held), ask(world, 'GET', held)];
    await until(async () => (await requestsUnderWay(world)) === 2);
    const refused = await ask(world, 'GET', '/api/v1/auth/me');
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([503, 'overloaded', '1']);
    expect((await ask(world, 'GET', '/health')).status).toBe(200);
    world.hold.resolve();
    expect((await Promise.all(slow)).map(({ status }) => status)).toEqual([200, 200]);
    expect((await ask(world, 'GET', '/api/v1/auth/me')).status).toBe(200);
  });

  test('beyond the bytes under way is refused, known and unknown lengths alike', async () => {
    const world = await start({ limits: { bodyBytesMax: 2000, bodyBytesInFlightMax: 1500 } });
    const send = (size: number) => {
      const raw = JSON.stringify({ ...conversation, user_input: 'x'.repeat(size) });
      return ask(world, 'POST', '/api/v1/ai/conversation', { raw });
    };
    expect((await send(500)).status).toBe(201);
    expect((await send(1600)).status).toBe(503);
    expect((await send(5000)).status).toBe(413);
    expect((await send(500)).status).toBe(201);
    const chunked = `Host: x\r\nAuthorization: Bearer ${keys.user.key}\r\nTransfer-Encoding: chunked\r\nConnection: close`;
    expect(await sendRaw(world, `POST /api/v1/ai/conversation HTTP/1.1\r\n${chunked}\r\n\r\n0\r\n\r\n`)).toContain(
      '"code":"overloaded"',
    );
  });

  test('is given back by a client that goes away', async () => {
    const world = await start({ limits: { requestsInFlightMax: 1 } });
    const client = request(world.url + held, { headers: { authorization: `Bearer ${keys.user.key}` } });
    client.on('error', () => client.destroy()).end();
    await until(async () => (await requestsUnderWay(world)) === 1);
    client.destroy();
    await until(async () => (await requestsUnderWay(world)) === 0);
    expect((await ask(world, 'GET', '/api/v1/auth/me')).status).toBe(200);
  });
});

describe('what is no proper HTTP', () => {
  test('gets a problem and the end of its connection', async () => {
    const world = await start({ limits: { headerBytesMax: 8192 } });
    for (const bytes of ['nonsense\r\n\r\n', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(9000)}\r\n\r\n`]) {
      const answer = await sendRaw(world, bytes);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).toContain('"code":"invalid_request"');
      expect(answer).toMatch(/X-Request-Id: [0-9a-f-]{36}/);
    }
  });

  test('and what never ends its request is cut off', async () => {
    const world = await start({ limits: { receiveTimeoutMs: 200 } });
    const answer = await sendRaw(world, 'GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    expect(answer).toContain('took too long');
  });
});

describe('closing', () => {
  test('finishes what is under way and refuses the rest', async () => {
    const world = await start({ limits: { drainNoticeMs: 1000 } });
    const slow = ask(world, 'GET', held);
    await until(async () => (await requestsUnderWay(world)) === 1);
    const closed = world.gateway.close();
    const ready = await ask(world, 'GET', '/ready', { key: null });
    expect([ready.status, ready.body.code]).toEqual([503, 'shutting_down']);
    expect((await ask(world, 'GET', '/health')).status).toBe(200);
    const late = await ask(world, 'GET', '/api/v1/auth/me');
    expect([late.status, late.body.code]).toEqual([503, 'shutting_down']);
    world.hold.resolve();
    expect((await slow).status).toBe(200);
    await closed;
    await expect(ask(world, 'GET', '/health')).rejects.toThrow();
  });

  test('waits only so long', async () => {
    const world = await start({ limits: { drainTimeoutMs: 50 } });
    const slow = ask(world, 'GET', held).catch(() => 'cut off');
    await until(async () => (await requestsUnderWay(world)) === 1);
    await world.gateway.close();
    expect(await slow).toBe('cut off');
  });

  test('may be asked for twice, and without having listened', async () => {
    const world = await start();
    await Promise.all([world.gateway.close(), world.gateway.close()]);
  });
});

describe('operations', () => {
  test('/ready names what is not healthy', async () => {
    const world = await start();
    const ready = () => ask(world, 'GET', '/ready', { key: null });
    expect((await ready()).body).toEqual({ status: 'success', parts: ['primary', 'stores.cache'] });
    world.parts.push({ name: 'bus', ok: false });
    world.clock.now += 1000;
    const unready = await ready();
    expect([unready.status, unready.body.code, unready.body.failing]).toEqual([503, 'store_unavailable', ['bus']]);
    await world.broker.destroyService('system');
    world.clock.now += 1000;
    expect((await ready()).body.failing).toEqual(['system (store_unavailable)']);
  });

  test('/metrics is for administrators, by the pattern of routes, with those of the sync', async () => {
    const world = await start();
    await ask(world, 'GET', '/api/v1/ai/history/user_001');
    await ask(world, 'PROPFIND', '/nowhere/secret');
    const read = (key: string | null) => ask(world, 'GET', '/metrics', { key });
    expect([(await read(null)).status, (await read(keys.user.key)).status]).toEqual([401, 403]);
    const { body, headers } = await read(keys.admin.key);
    expect(headers.get('content-type')).toContain('text/plain');
    const count = 'mindora_http_request_duration_seconds_count{version="test",';
    expect(body).toContain(`${count}method="GET",route="/api/v1/ai/history/:user_id",status="200"} 1`);
    expect(body).toContain(`${count}method="other",route="none",status="404"} 1`);
    expect(body).toContain('mindora_lag{store="cache",version="test"} 2');
    expect(body).toContain('mindora_users_present{version="test"} 1');
    expect(body).not.toContain('secret');
    await world.broker.destroyService('sync');
    expect((await read(keys.admin.key)).body).toContain('mindora_sync_metrics_available{version="test"} 0');
  });

  test('/metrics has a key of its own, which opens nothing else', async () => {
    const { key, hash } = newApiKey(random);
    const world = await start({ metricsKeyHash: hash });
    const { status, body } = await ask(world, 'GET', '/metrics', { key });
    expect([status, body]).toEqual([200, expect.stringContaining('mindora_disk{version="test"} 7')]);
    const paths = ['/api/v1/ai/history/user_001', '/api/v1/admin/sync/status', '/api/v1/auth/me'];
    for (const path of paths) expect((await ask(world, 'GET', path, { key })).status).toBe(401);
    const other = newApiKey(random).key;
    expect((await ask(world, 'GET', '/metrics', { key: other })).status).toBe(401);
    await world.broker.destroyService('system');
    expect((await ask(world, 'GET', '/metrics', { key })).body).not.toContain('mindora_disk');
  });

  test('/metrics may be opened', async () => {
    const world = await start({ metricsAccess: 'open' });
    expect((await ask(world, 'GET', '/metrics', { key: null })).status).toBe(200);
  });

  test('browsers of named origins may call, of no other', async () => {
    const world = await start({ origins: ['https://app.example'] });
    const preflight = (origin: string) =>
      ask(world, 'OPTIONS', '/api/v1/ai/conversation', {
        key: null,
        headers: { origin, 'access-control-request-method': 'POST' },
      });
    expect((await preflight('https://app.example')).headers.get('access-control-allow-origin')).toBe(
      'https://app.example',
    );
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });
});

test('the log has a line a request, and no content', async () => {
  const { log, lines } = keepingLogger();
  const world = await start({ log });
  const headers = { 'x-request-id': 'r-1' };
  await ask(world, 'POST', '/api/v1/ai/conversation?q=hush', { body: conversation, headers });
  await ask(world, 'POST', '/api/v1/ai/conversation', { body: conversation, headers });
  await ask(world, 'GET', '/api/v1/ai/conversation/broken');
  await until(async () => lines.length >= 4);
  const entries = lines.map((line) => JSON.parse(line));
  expect(entries[1]).toMatchObject({
    msg: 'request',
    request_id: 'r-1',
    method: 'POST',
    route: '/api/v1/ai/conversation',
    status: 201,
    user_id: 'user_001',
    ms: expect.any(Number),
  });
  const failure = entries.find(({ msg }) => msg === 'internal error');
  expect(failure).toMatchObject({
    error: 'TypeError',
    frames: expect.arrayContaining([expect.stringMatching(/^at /)]),
  });
  const text = lines.join('\n');
  for (const content of ['hush', keys.user.key, conversation.user_input]) expect(text).not.toContain(content);
});
