/** A gateway on a real broker, with small services in place of the real ones. */
import type { Principal, RuntimeConfig } from '@mindora/contracts';
import {
  type Action,
  type ActionCall,
  type Clock,
  createLogger,
  type Logger,
  MindoraError,
  newApiKey,
  Secret,
  type ServiceBroker,
  silentLogger,
  systemClock,
  systemRandom,
} from '@mindora/runtime';
import { createBroker, defineService } from '@mindora/runtime/service';
import { createTokens } from '@mindora/runtime/tokens';
import { createGateway, type Gateway, type GatewayDeps } from '../src/index.ts';

export const random = systemRandom();

export const keys = { admin: newApiKey(random), user: newApiKey(random), guest: newApiKey(random) };

const all = ['user_manage', 'ai_access', 'data_analyze', 'system_config'];

/** What the small services hold; a test changes it and puts it back. */
export interface World {
  readonly broker: ServiceBroker;
  readonly gateway: Gateway;
  readonly url: string;
  readonly clock: { now: number };
  readonly config: { -readonly [K in keyof RuntimeConfig]: RuntimeConfig[K] };
  readonly principals: Map<string, Principal>;
  /** Calls of actions, newest last: what each was given. */
  readonly calls: { action: string; params: unknown; meta: unknown }[];
  readonly parts: { name: string; ok: boolean }[];
  /** Actions of the route named `hold` wait for it. */
  hold: { promise: Promise<void>; resolve(): void };
  token(userId: string): Promise<string>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: whatever was answered
  readonly body: any;
}

function principalsOf(): Map<string, Principal> {
  const rights = ['ai_access', 'data_analyze'];
  return new Map<string, Principal>([
    ['admin_001', { userId: 'admin_001', role: 'admin', permissions: all }],
    ['user_001', { userId: 'user_001', role: 'user', permissions: rights }],
    ['user_002', { userId: 'user_002', role: 'user', permissions: rights }],
    ['guest_001', { userId: 'guest_001', role: 'guest', permissions: [] }],
  ]);
}

const owners: Readonly<Record<string, string>> = {
  [keys.admin.hash]: 'admin_001',
  [keys.user.hash]: 'user_001',
  [keys.guest.hash]: 'guest_001',
};

/** Starts all; `deps` replaces what the gateway would be given. */
export async function startWorld(deps: Partial<GatewayDeps> = {}): Promise<World> {
  const clock = { now: 1_800_000_000_000 };
  const ticking: Clock = { ...systemClock(), now: () => clock.now };
  const tokens = createTokens({ secret: new Secret('x'.repeat(40)), issuer: 'test', clock: ticking });
  const broker = createBroker({ version: 'test', nodeId: 'test', log: silentLogger() });
  const world = {
    broker,
    clock,
    config: { system_name: 'Test', maintenance_mode: false, ai_api_enabled: true, max_concurrent_users: 1000 },
    principals: principalsOf(),
    calls: [],
    parts: [
      { name: 'primary', ok: true },
      { name: 'stores.cache', ok: true },
    ],
    hold: Promise.withResolvers<void>(),
    token: (userId: string) => tokens.sign(userId),
  };
  addServices(world);
  await broker.start();
  const gateway = await createGateway({
    broker,
    version: 'test',
    log: silentLogger(),
    clock: ticking,
    random,
    tokens,
    checkAnswers: true,
    ...deps,
  });
  const url = await gateway.listen(0, '127.0.0.1');
  const close = async (): Promise<void> => {
    await gateway.close();
    await broker.stop();
  };
  return Object.assign(world, { gateway, url, close });
}

type Parts = Omit<World, 'gateway' | 'url' | 'close'>;

function addServices(world: Parts): void {
  const { broker } = world;
  const note =
    (action: string, answer: object) =>
    async ({ params, query, body, meta }: ActionCall) => {
      world.calls.push({ action, params: { params, query, body }, meta });
      return answer;
    };
  const actions = (service: string, answers: Record<string, object>) =>
    Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, note(`${service}.${name}`, answer)]));
  broker.createService(
    defineService({
      name: 'conversation',
      actions: {
        ...actions('conversation', {
          create: { conversation_id: 'c1', position: 'v1.W10' },
          createBatch: { results: [], position: 'v1.W10' },
          history: { history: [], next: null },
          remove: { conversation_id: 'c1', position: 'v1.W10' },
        }),
        get: ({ params }) => answerOf(world, (params as { conversation_id: string }).conversation_id),
      },
    }),
  );
  broker.createService(defineService({ name: 'config', ...configParts(world, actions) }));
  broker.createService(defineService({ name: 'identity', ...identityParts(world, actions) }));
  broker.createService(defineService({ name: 'model', actions: actions('model', { analyze: { analysis_id: 'a' } }) }));
  broker.createService(defineService({ name: 'analysis', actions: actions('analysis', statistics) }));
  broker.createService(defineService({ name: 'sync', ...syncParts(world, actions) }));
  const disk = { name: 'mindora_disk', help: 'Disk', type: 'gauge', values: [{ labels: {}, value: 7 }] };
  const internal = { ready: async () => [...world.parts], metrics: async () => [disk] };
  broker.createService(defineService({ name: 'system', actions: {}, internal }));
}

const statistics = { statistics: { statistics: { total_analyses: 0, average_confidence: null } } };

type Actions = (service: string, answers: Record<string, object>) => Record<string, Action>;

function configParts(world: Parts, actions: Actions) {
  const item = { item: {}, position: 'v1.W10' };
  return {
    actions: actions('config', {
      value: { config_key: 'k', config_value: null },
      'system_config.update': item,
      'financial_record.update': item,
    }),
    internal: { runtime: async () => ({ ...world.config }) },
  };
}

function identityParts(world: Parts, actions: Actions) {
  return {
    actions: actions('identity', {
      whoami: { user_id: 'x', role: 'user', permissions: [] },
      login: { token: 't', token_type: 'Bearer', expires_in: 1, user_info },
      keys: { keys: [] },
      setPassword: { success: true },
      mergeProfile: { success: true, position: 'v1.W10' },
    }),
    internal: {
      authenticateKey: async ({ hash }: { hash: string }) => world.principals.get(owners[hash] ?? '') ?? null,
      principal: async ({ userId }: { userId: string }) => world.principals.get(userId) ?? null,
    },
  };
}

const user_info = {
  user_id: 'user_001',
  username: 'u',
  email: 'u@example.com',
  role: 'user',
  status: 'active',
  created_at: '2026-01-01T00:00:00.000000Z',
  last_login: null,
};

function syncParts(world: Parts, actions: Actions) {
  return {
    actions: actions('sync', { status: { sync: {} } }),
    internal: {
      metrics: async () => [
        { name: 'mindora_lag', help: 'Lag', type: 'gauge', values: [{ labels: { store: 'cache' }, value: 2 }] },
      ],
      waitFor: async (params: { store: string; token: string; timeoutMs: number }) => {
        world.calls.push({ action: 'sync.waitFor', params, meta: null });
        if (params.timeoutMs === 0) throw new MindoraError('position_timeout', undefined, { data: { behind: 3 } });
        if (params.timeoutMs === 1) throw new MindoraError('parked', undefined, { data: { id: 'c9' } });
        return {};
      },
    },
  };
}

/** Conversations that are errors of several kinds. */
async function answerOf(world: Parts, id: string): Promise<object> {
  if (id === 'missing') throw new MindoraError('not_found', 'no such conversation');
  if (id === 'broken') throw new TypeError('secret internals');
  if (id === 'wrong') return { nothing: true };
  if (id === 'hold') await world.hold.promise;
  return { conversation: { ...row, id }, source: 'primary' };
}

const row = {
  user_id: 'user_001',
  session_id: 's',
  user_input: 'q',
  ai_response: 'a',
  model_name: 'm',
  context: null,
  created_at: '2026-01-01T00:00:00.000000Z',
  updated_at: '2026-01-01T00:00:00.000000Z',
};

interface Ask {
  readonly key?: string | null;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Uint8Array<ArrayBuffer>;
}

/** One request; with the user's key where no other is given. */
export async function ask(world: World, method: string, path: string, how: Ask = {}): Promise<Answer> {
  const { key = keys.user.key } = how;
  const body = how.raw ?? (how.body === undefined ? undefined : JSON.stringify(how.body));
  const response = await fetch(world.url + path, {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...how.headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/** A logger that keeps its lines. */
export function keepingLogger(): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', version: 'test' }, { write: (line) => void lines.push(line) });
  return { log, lines };
}

export const conversation = {
  user_id: 'user_001',
  session_id: 's1',
  user_input: 'What is sync?',
  ai_response: 'It carries writes.',
  model_name: 'm',
};
