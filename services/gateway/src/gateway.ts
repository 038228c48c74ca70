import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { RuntimeConfig } from '@mindora/contracts';
import { MindoraError, type Random } from '@mindora/runtime';
import { createMetrics } from '@mindora/runtime/metrics';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { createPresence } from './admission.ts';
import { waitHeader } from './after.ts';
import { createAsk } from './ask.ts';
import { createAuthenticator } from './authenticate.ts';
import { parseBody } from './body.ts';
import { createCache } from './cache.ts';
import { registerDocs } from './docs.ts';
import { boundLoad, type Load } from './load.ts';
import { createGauges, observe } from './observe.ts';
import { registerOperations } from './operations.ts';
import { defaultLimits, type Gateway, type GatewayDeps, type Limits } from './options.ts';
import { createRawHandlers, handleProblems } from './problems.ts';
import { createRateLimiter } from './rate.ts';
import { registerRoutes } from './routes.ts';

/** The REST gateway: every route of contracts, answered by actions of the broker. */
export async function createGateway(deps: GatewayDeps): Promise<Gateway> {
  const limits: Limits = { ...defaultLimits, ...deps.limits };
  const app = createApp(deps, limits);
  const metrics = deps.metrics ?? createMetrics(deps.version);
  observe(app, deps.log, metrics);
  requireHost(app);
  await secure(app, deps);
  const load = boundLoad(app, limits);
  acceptJson(app, limits);
  handleProblems(app, deps.log);
  const ask = createAsk(deps.broker);
  const presence = createPresence(deps.clock);
  const cachedConfig = createCache<RuntimeConfig>(deps.clock, limits.runtimeConfigCacheMs, 1);
  const authenticator = createAuthenticator(ask, deps.tokens, deps.clock, limits.principalCacheMs);
  const parts = {
    broker: deps.broker,
    authenticate: authenticator.authenticate,
    forgetAccess() {
      authenticator.forget();
      cachedConfig.clear();
    },
    runtimeConfig: (requestId: string) => cachedConfig.get('', () => ask('config.runtime', {}, requestId)),
    presence,
    limiters: {
      principal: createRateLimiter(limits.principalRate, deps.clock),
      address: createRateLimiter(limits.addressRate, deps.clock),
      login: createRateLimiter(limits.loginRate, deps.clock),
      loginAddress: createRateLimiter(limits.loginAddressRate, deps.clock),
    },
    checkAnswers: deps.checkAnswers ?? false,
  };
  registerRoutes(app, parts);
  const readGauges = createGauges(metrics, load, presence);
  registerOperations(app, deps, { ...parts, ask, clock: deps.clock, load, limits, metrics, readGauges });
  if (deps.docs !== false) await registerDocs(app, deps.version);
  return gatewayOf(app, load, limits, deps);
}

function createApp(deps: GatewayDeps, limits: Limits): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.receiveTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    trustProxy: deps.trustProxy ?? false,
    routerOptions: { maxParamLength: 4096 },
    http: {
      maxHeaderSize: limits.headerBytesMax,
      // Node would refuse it without a problem document.
      requireHostHeader: false,
      // Node looks for connections that are over their time only every 30 s.
      connectionsCheckingInterval: Math.min(5000, limits.receiveTimeoutMs),
    },
    genReqId: (request) => requestIdOf(request.headers['x-request-id'], deps.random),
    ...createRawHandlers(deps.random),
  });
  app.server.maxConnections = limits.connectionsMax;
  app.decorateRequest('principal', null);
  return app as unknown as FastifyInstance;
}

/** As HTTP/1.1 asks for. Expectations that nobody knows are not met, and that is all: Node would answer without a body. */
function requireHost(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw }) => {
    if (raw.headers.host !== undefined || raw.httpVersion === '1.0') return;
    throw new MindoraError('invalid_request', 'the Host header is missing');
  });
  app.server.on('checkExpectation', (request, response) => void app.server.emit('request', request, response));
}

/** The client's own id where it is one that can stand in a log line and a header. */
function requestIdOf(sent: string | string[] | undefined, random: Random): string {
  return typeof sent === 'string' && /^[\w.:/+=-]{1,128}$/.test(sent) ? sent : random.id();
}

/** JSON and nothing else; a charset other than UTF-8 is refused with the media type. */
function acceptJson(app: FastifyInstance, limits: Limits): void {
  app.removeAllContentTypeParsers();
  const pattern = /^application\/json\s*(;\s*charset="?utf-?8"?\s*)?$/i;
  app.addContentTypeParser(pattern, { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: string | Buffer) => {
    // What is unpacked may be a thousand times what was bounded.
    const packed = (request.headers['content-encoding'] ?? 'identity') !== 'identity';
    if (packed) throw new MindoraError('unsupported_media_type', 'the body must not be compressed');
    return parseBody(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, limits);
  });
}

/** Headers for browsers. HSTS is the matter of whoever ends TLS. */
async function secure(app: FastifyInstance, deps: GatewayDeps): Promise<void> {
  const nothing = ["'none'"];
  await app.register(helmet, {
    hsts: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: nothing, baseUri: nothing, formAction: nothing, frameAncestors: nothing },
    },
  });
  const origins = deps.origins ?? [];
  if (origins.length === 0) return;
  const exposedHeaders = ['x-request-id', 'retry-after'];
  const allowedHeaders = ['authorization', 'content-type', 'x-api-key', 'x-request-id', 'x-mindora-after', waitHeader];
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
  await app.register(cors, { origin: [...origins], methods, allowedHeaders, exposedHeaders, maxAge: 600 });
}

function gatewayOf(app: FastifyInstance, load: Load, limits: Limits, { clock }: GatewayDeps): Gateway {
  let url: string | null = null;
  let closed: Promise<void> | null = null;
  const drain = async (): Promise<void> => {
    load.drain();
    await clock.sleep(limits.drainNoticeMs);
    const listenerClosed = app.close();
    const timedOut = new AbortController();
    await Promise.race([load.idle(), clock.sleep(limits.drainTimeoutMs, timedOut.signal)]);
    timedOut.abort();
    app.server.closeAllConnections();
    await listenerClosed;
  };
  return {
    async listen(port, host) {
      url = await app.listen({ port, host });
      return url;
    },
    get url() {
      return url;
    },
    close() {
      closed ??= drain();
      return closed;
    },
  };
}
