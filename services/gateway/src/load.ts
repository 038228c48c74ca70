import { MindoraError } from '@mindora/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Limits } from './options.ts';

/** How much is under way, and whether more is taken. */
export interface Load {
  readonly requests: number;
  readonly draining: boolean;
  drain(): void;
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>;
}

/** Paths that answer under any load, and while draining. */
const always = new Set(['/health', '/ready', '/metrics']);

/** Bounds what is under way at once: requests, and the bytes of their bodies. */
export function boundLoad(app: FastifyInstance, limits: Limits): Load {
  const waiting: (() => void)[] = [];
  let requests = 0;
  let bytes = 0;
  let draining = false;
  const enter = (size: number): void => {
    requests++;
    bytes += size;
  };
  const leave = (size: number): void => {
    requests--;
    bytes -= size;
    if (requests === 0) for (const resolve of waiting.splice(0)) resolve();
  };
  app.addHook('onRequest', async (request, reply) => {
    if (always.has(request.routeOptions.url ?? '')) return;
    if (draining) {
      reply.header('connection', 'close');
      throw new MindoraError('shutting_down');
    }
    const size = sizeOf(request, limits.bodyBytesMax);
    if (requests >= limits.requestsInFlightMax || bytes + size > limits.bodyBytesInFlightMax) {
      throw new MindoraError('overloaded', 'too many requests are under way');
    }
    enter(size);
    // Comes after the last byte of the answer, and also where the client went away.
    reply.raw.once('close', () => leave(size));
  });
  return {
    get requests() {
      return requests;
    },
    get draining() {
      return draining;
    },
    drain: () => {
      draining = true;
    },
    idle: () => (requests === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}

/** Bytes that the body may take; one that is too large is refused without being read, so it takes none. */
function sizeOf({ headers }: FastifyRequest, bodyBytesMax: number): number {
  if (headers['transfer-encoding'] !== undefined) return bodyBytesMax;
  const length = Number(headers['content-length'] ?? 0);
  return Number.isFinite(length) && length <= bodyBytesMax ? length : 0;
}
