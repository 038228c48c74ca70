import type { Logger, Metrics } from '@mindora/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Load } from './load.ts';

/** Asked every few seconds by machines: of interest in a log only where they fail. */
const probes: ReadonlySet<string> = new Set(['/health', '/ready', '/metrics']);

/**
 * One log line and one measurement a request: by the pattern of its route, so that no id and no query gets into a
 * metric's label or, but for the user's, into a log.
 */
export function observe(app: FastifyInstance, log: Logger, metrics: Metrics): void {
  const seconds = metrics.histogram('mindora_http_request_duration_seconds', 'Time from the request to its answer', [
    'method',
    'route',
    'status',
  ]);
  // Looking for secrets takes a seventh of a small request's time; these lines are made of known fields only.
  const accessLog = log.child({}, { redact: [] });
  const done = (request: FastifyRequest, reply: FastifyReply, startedAt: number): void => {
    const route = request.routeOptions.url ?? 'none';
    const aborted = !reply.raw.writableFinished;
    const status = aborted ? 499 : reply.statusCode;
    const ms = Math.round((performance.now() - startedAt) * 100) / 100;
    // A client may send any word as its method.
    const method = request.routeOptions.url === undefined ? 'other' : request.method;
    seconds.observe({ method, route, status }, ms / 1000);
    const line = { request_id: request.id, method, route, status, ms, user_id: request.principal?.userId };
    accessLog[status >= 500 ? 'warn' : probes.has(route) ? 'debug' : 'info'](line, 'request');
  };
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    const startedAt = performance.now();
    reply.raw.once('close', () => done(request, reply, startedAt));
  });
}

/** Gauges that are read when they are asked for. */
export function createGauges(metrics: Metrics, load: Load, presence: { readonly users: number }) {
  const requests = metrics.gauge('mindora_http_requests_in_flight', 'Requests under way', []);
  const users = metrics.gauge('mindora_users_present', 'Users with a request in the last 60 s', []);
  const sync = metrics.gauge('mindora_sync_metrics_available', '1 where the sync answered with its metrics', []);
  return (syncAnswered: boolean): void => {
    requests.set(load.requests);
    users.set(presence.users);
    sync.set(syncAnswered ? 1 : 0);
  };
}
