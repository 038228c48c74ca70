import type { PartHealth } from '@mindora/contracts';
import { type Clock, hashApiKey, type Metrics, MindoraError, toMindoraError } from '@mindora/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Ask } from './ask.ts';
import { credentialOf } from './authenticate.ts';
import { checkPermission } from './authorize.ts';
import { createCache } from './cache.ts';
import type { Load } from './load.ts';
import type { GatewayDeps, Limits } from './options.ts';
import { identify, type RouteParts } from './routes.ts';

interface OperationParts extends Pick<RouteParts, 'authenticate' | 'limiters'> {
  readonly ask: Ask;
  readonly clock: Clock;
  readonly load: Load;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly readGauges: (syncAnswered: boolean) => void;
}

/** What those ask who run the gateway: is it alive, is it ready, how does it do. */
export function registerOperations(app: FastifyInstance, deps: GatewayDeps, parts: OperationParts): void {
  const readiness = createReadiness(parts);
  app.get('/health', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
    return { status: 'success', version: deps.version };
  });
  app.get('/ready', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    if (parts.load.draining) throw new MindoraError('shutting_down');
    const health = await readiness(request.id);
    const failing = health.filter(({ ok }) => !ok).map(({ name }) => name);
    if (failing.length === 0) return { status: 'success', parts: health.map(({ name }) => name) };
    throw new MindoraError('store_unavailable', `not ready: ${failing.join(', ')}`, { data: { failing } });
  });
  app.get('/metrics', async (request, reply) => {
    if (deps.metricsAccess !== 'open') await checkObserver(deps, parts, request);
    return reply
      .header('cache-control', 'no-store')
      .type(parts.metrics.contentType)
      .send(await print(parts, request));
  });
}

/** Anyone may ask whether it is ready, so the parts are looked at only so often. */
function createReadiness({ ask, clock, limits }: OperationParts) {
  const cached = createCache<readonly PartHealth[]>(clock, limits.readyCacheMs, 1);
  const look = async (requestId: string): Promise<readonly PartHealth[]> => {
    try {
      return await ask('system.ready', {}, requestId);
    } catch (thrown) {
      // Who can't say is not ready; what is wrong with it shows in its own log.
      return [{ name: `system (${toMindoraError(thrown).code})`, ok: false }];
    }
  };
  return (requestId: string) => cached.get('', () => look(requestId));
}

/** An operator, or the monitoring with its own key, which no other route knows. */
async function checkObserver(deps: GatewayDeps, parts: OperationParts, request: FastifyRequest): Promise<void> {
  const credential = credentialOf(request.headers);
  if (credential !== null && hashApiKey(credential) === deps.metricsKeyHash) return;
  checkPermission('system_config', await identify(parts, request));
}

/** The gateway's own, and those of others where they answer: a sync that is down is when metrics are looked at. */
async function print(parts: OperationParts, request: FastifyRequest): Promise<string> {
  const [sync, system] = await Promise.all([
    parts.ask('sync.metrics', {}, request.id).catch(() => null),
    parts.ask('system.metrics', {}, request.id).catch(() => []),
  ]);
  parts.readGauges(sync !== null);
  return await parts.metrics.text([...(sync ?? []), ...system]);
}
