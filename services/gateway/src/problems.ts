import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorCode } from '@mindora/contracts';
import { routes } from '@mindora/contracts/routes';
import { type Logger, MindoraError, type Random, toMindoraError, toProblem } from '@mindora/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Media type of a problem document (RFC 9457). */
export const problemMediaType = 'application/problem+json';

const ofFastify: Readonly<Record<string, { code: ErrorCode; detail?: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'body_too_large' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'unsupported_media_type' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { code: 'invalid_request', detail: 'the body has another length than it says' },
  FST_ERR_BAD_URL: { code: 'invalid_request', detail: 'the path is not well-formed' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'invalid_request', detail: 'a part of the path is too long' },
};

/** Whatever was thrown, as an error of the table. */
export function problemOf(thrown: unknown): MindoraError {
  const { code, statusCode } = (thrown ?? {}) as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? ofFastify[code] : undefined;
  if (known !== undefined) return new MindoraError(known.code, known.detail, { cause: thrown });
  if (!(thrown instanceof MindoraError) && typeof statusCode === 'number' && statusCode < 500) {
    return new MindoraError('invalid_request', undefined, { cause: thrown });
  }
  return toMindoraError(thrown);
}

/** Answers with a problem document and the headers that belong to it. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: MindoraError): FastifyReply {
  const { status } = error.facts;
  // Closed at once, the connection of who still sends would break off before the answer is read; Node reads on to the
  // end of the body, without keeping it, for as long as a request may take.
  if (error.code === 'body_too_large') reply.removeHeader('connection');
  if (status === 401) reply.header('www-authenticate', challenge(request));
  if (status === 429 || status === 503) reply.header('retry-after', String(error.data.retry_after_s ?? 1));
  const problem = toProblem(error, `urn:request:${request.id}`);
  return reply.code(status).header('cache-control', 'no-store').type(problemMediaType).send(JSON.stringify(problem));
}

function challenge(request: FastifyRequest): string {
  const shown = request.headers.authorization !== undefined || request.headers['x-api-key'] !== undefined;
  return shown ? 'Bearer realm="mindora", error="invalid_token"' : 'Bearer realm="mindora"';
}

/** An internal error's cause for the log: where it happened; a parser's message would quote content. */
export function describeCause(error: MindoraError): Record<string, unknown> {
  const cause = error.cause instanceof Error ? error.cause : error;
  const frames = (cause.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  const message = cause instanceof SyntaxError ? undefined : cause.message.slice(0, 200);
  return { error: cause.name, message, frames: frames.map((frame) => frame.trim()) };
}

/** Handlers for what is thrown, and for paths and methods that are not there. */
export function handleProblems(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = problemOf(thrown);
    if (error.code === 'internal') log.error({ request_id: request.id, ...describeCause(error) }, 'internal error');
    return sendProblem(request, reply, error);
  });
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsOf(request.url.split('?', 1)[0] ?? '');
    if (methods.length === 0) return sendProblem(request, reply, new MindoraError('not_found', 'no such path'));
    reply.header('allow', methods.join(', '));
    return sendProblem(request, reply, new MindoraError('method_not_allowed'));
  });
}

const operations = ['/health', '/ready', '/metrics', '/openapi.json', '/asyncapi.json', '/docs'];

/** Each path with the methods that it takes. */
const paths = compilePaths();

function compilePaths(): { pattern: RegExp; methods: Set<string> }[] {
  const methodsOfPath = new Map<string, Set<string>>(operations.map((path) => [path, new Set(['GET', 'HEAD'])]));
  for (const { path, method } of routes) {
    const methods = methodsOfPath.get(path) ?? new Set();
    methods.add(method);
    if (method === 'GET') methods.add('HEAD');
    methodsOfPath.set(path, methods);
  }
  return [...methodsOfPath].map(([path, methods]) => ({
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
    methods,
  }));
}

function methodsOf(path: string): string[] {
  const found = paths.filter(({ pattern }) => pattern.test(path));
  return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
}

/** Before there is a request: a URL that can't be read, or bytes that are no HTTP. */
export function createRawHandlers(random: Random) {
  return {
    frameworkErrors(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
      void sendProblem(request, reply.header('x-request-id', request.id), problemOf(thrown));
    },
    clientErrorHandler(thrown: NodeJS.ErrnoException, socket: Socket): void {
      // A connection that is gone or has begun an answer takes no other.
      const answering = (socket as Socket & { _httpMessage?: ServerResponse })._httpMessage;
      if (thrown.code === 'ECONNRESET' || !socket.writable || answering?.headersSent === true) {
        socket.destroy();
        return;
      }
      socket.end(rawProblem(thrown.code, random.id()));
    },
  };
}

function rawProblem(code: string | undefined, requestId: string): string {
  const details: Record<string, string> = {
    HPE_HEADER_OVERFLOW: 'the headers are too large',
    ERR_HTTP_REQUEST_TIMEOUT: 'the request took too long to arrive',
  };
  const detail = details[code ?? ''] ?? 'the request is not HTTP';
  const body = JSON.stringify(toProblem(new MindoraError('invalid_request', detail), `urn:request:${requestId}`));
  const head = [
    'HTTP/1.1 400 Bad Request',
    `Content-Type: ${problemMediaType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
