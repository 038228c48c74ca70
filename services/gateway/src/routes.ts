import type { CallMeta, CallParams, Principal, RouteDefinition, RuntimeConfig } from '@mindora/contracts';
import { routes } from '@mindora/contracts/routes';
import { MindoraError, type ServiceBroker } from '@mindora/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { z } from 'zod';
import { checkConfig, type Presence } from './admission.ts';
import { waitForPosition } from './after.ts';
import { credentialOf } from './authenticate.ts';
import { checkOwner, checkPermission, scopeOf } from './authorize.ts';
import type { RateLimiter } from './rate.ts';
import { validate } from './validate.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; null on public routes and before it is known. */
    principal: Principal | null;
  }
}

/** What the routes need of the rest of the gateway. */
export interface RouteParts {
  readonly broker: ServiceBroker;
  readonly authenticate: (credential: string | null, requestId: string) => Promise<Principal>;
  /** Forgets who may call, and the configuration: both were changed. */
  readonly forgetAccess: () => void;
  readonly runtimeConfig: (requestId: string) => Promise<RuntimeConfig>;
  readonly presence: Presence;
  readonly limiters: {
    readonly principal: RateLimiter;
    readonly address: RateLimiter;
    readonly login: RateLimiter;
    readonly loginAddress: RateLimiter;
  };
  readonly checkAnswers: boolean;
}

/** Registers every route of the table. Nothing here knows any of them by name, but for the limits of logins. */
export function registerRoutes(app: FastifyInstance, parts: RouteParts): void {
  for (const route of routes) {
    app.route({
      method: route.method as HTTPMethods,
      url: route.path.replace(/\{(\w+)\}/g, ':$1'),
      // Before the body is read: who may not call has no claim on memory.
      onRequest: (request) => admit(route, parts, request),
      handler: (request, reply) => answer(route, parts, request, reply),
    });
  }
}

async function admit(route: RouteDefinition, parts: RouteParts, request: FastifyRequest): Promise<void> {
  if (route.access === 'public') parts.limiters.address.take(request.ip);
  else await identify(parts, request);
  const { principal } = request;
  checkPermission(route.permission, principal);
  const config = await parts.runtimeConfig(request.id);
  checkConfig(route, principal, config);
  if (principal !== null) parts.presence.note(principal, config.max_concurrent_users);
}

/** Sets the caller, and counts the request against its rate, or against its address where it isn't known. */
export async function identify(
  { authenticate, limiters }: Pick<RouteParts, 'authenticate' | 'limiters'>,
  request: FastifyRequest,
): Promise<Principal> {
  const principal = await authenticate(credentialOf(request.headers), request.id).catch((error: MindoraError) => {
    if (error.code === 'unauthenticated') limiters.address.take(request.ip);
    throw error;
  });
  request.principal = principal;
  // An administrator loads files and repairs stores; the bounds on what is under way hold for it, too.
  if (principal.role !== 'admin') limiters.principal.take(principal.userId);
  return principal;
}

async function answer(
  route: RouteDefinition,
  parts: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { params, query, body, principal } = request;
  const call = checkOwner(route, principal, validate(route, { params, query, body }));
  if (route.action === 'identity.login') limitLogins(parts, request.ip, call);
  const meta: CallMeta = { principal, requestId: request.id, scope: scopeOf(principal) };
  await waitForPosition(parts.broker, route, request.headers, meta);
  const result = await callAction(parts, route, call, meta);
  const content = { ...result, status: 'success' };
  if (parts.checkAnswers) checkAnswer(route, content);
  return reply.code(route.status).header('cache-control', 'no-store').send(content);
}

async function callAction(
  { broker, forgetAccess }: RouteParts,
  route: RouteDefinition,
  call: CallParams,
  meta: CallMeta,
) {
  try {
    return await broker.call<Record<string, unknown>, CallParams>(route.action, call, {
      meta,
      requestID: meta.requestId,
    });
  } finally {
    // Also where it failed: an erasure that was broken off has begun.
    if (route.changesAccess === true) forgetAccess();
  }
}

/** Guessing one user's password, and trying one password on many users. */
function limitLogins({ limiters }: RouteParts, address: string, { body }: CallParams): void {
  const { login } = body as { login: string };
  limiters.loginAddress.take(address);
  limiters.login.take(`${address} ${login.toLowerCase()}`);
}

function checkAnswer(route: RouteDefinition, content: unknown): void {
  const result = (route.response as z.ZodType).safeParse(content);
  if (result.success) return;
  const wrong = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new MindoraError('internal', undefined, {
    cause: new Error(`${route.action} answers otherwise than its route says: ${wrong.join('; ')}`),
  });
}
