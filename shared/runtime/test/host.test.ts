import { afterEach, describe, expect, test } from '@jest/globals';
import { MindoraError, type ServiceBroker, silentLogger } from '@mindora/runtime';
import { createBroker, defineService } from '@mindora/runtime/service';

const meta = { principal: null, requestId: 'r1', scope: 'u1' };
const started: ServiceBroker[] = [];

interface Release {
  promise: Promise<void>;
  resolve(): void;
}

const release: Release = Promise.withResolvers<void>();

const shop = defineService({
  name: 'shop',
  actions: {
    echo: async ({ params, query, body, meta: given }) => ({ params, query, body, meta: given }),
    refuse: async () => {
      throw new MindoraError('conflict', 'somebody else was first', { data: { id: 'a' } });
    },
    break: async () => {
      throw new TypeError('x is not a function');
    },
    outer: async ({ call }) => ({ inner: await call('shop.refuse', { params: {}, query: {}, body: {} }) }),
    hang: async () => {
      await release.promise;
      return {};
    },
  },
  internal: { 'user.count': async ({ of }: { of: string }, given) => ({ of, scope: given.scope }) },
  timeoutsMs: { hang: 50 },
});

async function host(nodeId: string, limits: object = {}, transporter?: 'Fake', services = [shop]) {
  const broker = createBroker({
    version: 'test',
    nodeId,
    log: silentLogger(),
    ...limits,
    ...(transporter === undefined ? {} : { transporter }),
  });
  for (const service of services) broker.createService(service);
  await broker.start();
  started.push(broker);
  return broker;
}

afterEach(async () => {
  for (const broker of started.splice(0)) await broker.stop();
});

const call = (broker: ServiceBroker, action: string) =>
  broker.call(action, { params: { a: 1 }, query: { b: 2 }, body: { c: 3 } }, { meta });

describe('actions', () => {
  test('are given what the gateway sends, and its meta', async () => {
    const broker = await host('one');
    expect(await call(broker, 'shop.echo')).toEqual({ params: { a: 1 }, query: { b: 2 }, body: { c: 3 }, meta });
    expect(await broker.call('shop.user.count', { of: 'all' }, { meta })).toEqual({ of: 'all', scope: 'u1' });
  });

  test('may not be defined twice', () => {
    const parts = { name: 'x', actions: { a: async () => ({}) }, internal: { a: async () => ({}) } };
    expect(() => defineService(parts)).toThrow('x.a is defined twice');
  });
});

describe.each([
  ['in one process', undefined],
  ['over a transporter', 'Fake'],
] as const)('errors %s', (_where, transporter) => {
  async function caller(): Promise<ServiceBroker> {
    const broker = await host('server', {}, transporter);
    if (transporter === undefined) return broker;
    const client = await host('client', {}, transporter, []);
    await client.waitForServices('shop', 5000);
    return client;
  }

  test('of the table arrive as they were thrown', async () => {
    const broker = await caller();
    for (const action of ['shop.refuse', 'shop.outer']) {
      const error = await call(broker, action).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(MindoraError);
      expect(error).toMatchObject({ code: 'conflict', message: 'somebody else was first', data: { id: 'a' } });
    }
  });

  test('of any other kind are internal, without their message', async () => {
    const error = await call(await caller(), 'shop.break').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'internal', message: 'Internal error' });
  });

  test('of the host are errors of the table', async () => {
    const broker = await caller();
    await expect(call(broker, 'shop.nothing')).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
    await expect(call(broker, 'shop.hang')).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
  });
});

test('calls beyond the bounds are overloaded, none is lost', async () => {
  const broker = await host('bounded', { concurrencyMax: 1, waitingMax: 1 });
  const calls = await Promise.allSettled([1, 2, 3].map(() => call(broker, 'shop.echo')));
  expect(calls.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect((calls[2] as PromiseRejectedResult).reason).toMatchObject({ code: 'overloaded' });
});
