/** A client of the HTTP API that believes nothing: each answer is held to its route's schema and to the description. */
import { type ErrorCode, errorTable, problemType, type RouteDefinition } from '@mindora/contracts';
import { routes } from '@mindora/contracts/routes';
import { temporaryData } from './data.ts';
import { type RunningVersion, startVersion } from './version.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Asked {
  /** Null: none; left out: the administrator's. */
  readonly key?: string | null;
  readonly body?: unknown;
  /** A body as it is. */
  readonly raw?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  /** The position of a write that has to be seen. */
  readonly after?: unknown;
}

export interface Api {
  ask(method: string, path: string, asked?: Asked): Promise<Answer>;
  /** All that was answered so far. */
  readonly answered: () => string;
}

type Description = { paths: Record<string, Record<string, { responses: Record<string, { description: string }> }>> };

/** An API client for a running version. */
export async function createApi({ url, adminKey }: RunningVersion): Promise<Api> {
  const description = (await (await fetch(`${url}/openapi.json`)).json()) as Description;
  const texts: string[] = [];
  return {
    async ask(method, path, asked = {}) {
      const response = await fetch(url + path, { method, redirect: 'manual', ...requestOf(asked, adminKey) });
      const text = await response.text();
      texts.push(text, JSON.stringify([...response.headers]));
      const body = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : {};
      const answer = { status: response.status, headers: response.headers, text, body };
      const faults = faultsOf(answer, routeOf(method, path), description);
      if (faults.length > 0) throw new Error(`${method} ${path}: ${faults.join('; ')}: ${text.slice(0, 500)}`);
      return answer;
    },
    answered: () => texts.join('\n'),
  };
}

function requestOf({ key, body, raw, headers = {}, after }: Asked, adminKey: string): RequestInit {
  const shown = key === undefined ? adminKey : key;
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  return {
    headers: {
      ...(shown === null ? {} : { authorization: `Bearer ${shown}` }),
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      ...(after === undefined ? {} : { 'x-mindora-after': String(after), 'x-mindora-wait-ms': '60000' }),
      ...headers,
    },
    ...(payload === undefined ? {} : { body: payload }),
  };
}

function routeOf(method: string, path: string): RouteDefinition | undefined {
  const [plain = ''] = path.split('?', 1);
  return routes.find((route) => {
    return route.method === method && new RegExp(`^${route.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(plain);
  });
}

function faultsOf(answer: Answer, route: RouteDefinition | undefined, description: Description): string[] {
  const id = answer.headers.get('x-request-id') ?? '';
  const faults = id === '' ? ['no request id'] : [];
  if (answer.status >= 400) return [...faults, ...problemFaults(answer, id, route, description)];
  return route === undefined ? faults : [...faults, ...successFaults(answer, route)];
}

function successFaults({ status, body }: Answer, route: RouteDefinition): string[] {
  const parsed = route.response.safeParse(body);
  const faults = (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`);
  if (status !== route.status) faults.push(`answers ${status}, its route says ${route.status}`);
  return faults;
}

function problemFaults(
  { status, body, headers }: Answer,
  id: string,
  route: RouteDefinition | undefined,
  { paths }: Description,
): string[] {
  const code = String(body.code) as ErrorCode;
  const faults: string[] = [];
  const expect = (isSo: boolean, what: string): void => {
    if (!isSo) faults.push(what);
  };
  expect(headers.get('content-type')?.startsWith('application/problem+json') === true, 'no problem document');
  expect(errorTable[code]?.status === status && body.status === status, `${code} doesn't go with ${status}`);
  expect(body.type === problemType(code), 'another type than that of its code');
  expect(typeof body.detail === 'string' && body.detail !== '', 'no detail');
  expect(body.retryable === errorTable[code]?.retryable, 'retryable');
  expect(body.instance === `urn:request:${id}`, 'another request id in the body');
  const described = route === undefined ? undefined : paths[route.path]?.[route.method.toLowerCase()]?.responses;
  const isDescribed = described?.[status]?.description.includes(`\`${code}\``) === true;
  expect(route === undefined || isDescribed, `${code} is not in the description`);
  return faults;
}

/** A version that runs for the tests of one file, with its client and some users. */
export interface World {
  readonly directory: string;
  readonly version: RunningVersion;
  readonly answered: () => string;
  readonly ask: Api['ask'];
  get(path: string, asked?: Asked): Promise<Answer>;
  post(path: string, body: unknown, asked?: Asked): Promise<Answer>;
  patch(path: string, body: unknown, asked?: Asked): Promise<Answer>;
  makeUser(userId: string, role: string): Promise<void>;
  /** The key of a user that was made. */
  as(user: string): { key: string };
  close(): Promise<void>;
}

export const passwordOf = (user: string): string => `the long pass phrase of ${user}`;

/** @param users roles by name */
export async function startWorld(users: Readonly<Record<string, string>>): Promise<World> {
  const directory = await temporaryData();
  const version = await startVersion(directory.path);
  const { ask, answered } = await createApi(version);
  const keys = new Map<string, string>();
  const world: World = {
    directory: directory.path,
    version,
    ask,
    answered,
    get: (path, asked) => ask('GET', path, asked),
    post: (path, body, asked = {}) => ask('POST', path, { ...asked, body }),
    patch: (path, body, asked = {}) => ask('PATCH', path, { ...asked, body }),
    async makeUser(user_id, role) {
      const user = { user_id, username: user_id, email: `${user_id}@example.com`, role, password: passwordOf(user_id) };
      await ask('POST', '/api/v1/admin/users', { body: user });
      const { body } = await ask('POST', '/api/v1/auth/keys', { body: { user_id, name: 'test' } });
      keys.set(user_id, String(body.key));
    },
    as: (user) => ({ key: keys.get(user) ?? '' }),
    async close() {
      await version.stop();
      await directory.remove();
    },
  };
  for (const [user, role] of Object.entries(users)) await world.makeUser(user, role);
  return world;
}

/** A conversation as a client stores it. */
export const exchange = (user_id: string, more: object = {}) => ({
  user_id,
  session_id: `session of ${user_id}`,
  user_input: '向量数据库是什么？',
  ai_response: 'It finds what is similar.',
  model_name: 'deepseek-chat',
  ...more,
});

/** An analysis as a client stores it. */
export const analysed = (user_id: string, more: object = {}) => ({
  user_id,
  analysis_type: 'resume',
  input_content: '五年数据库经验',
  analysis_result: { skills: ['TypeScript'] },
  ...more,
});
