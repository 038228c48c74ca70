import {
  type adminRoutes,
  type analysisRoutes,
  type conversationRoutes,
  type ErrorCode,
  errorTable,
  type graphRoutes,
  type identityRoutes,
  type modelRoutes,
  type RouteDefinition,
  type searchRoutes,
} from '@mindora/contracts';
import { positionHeader, routes } from '@mindora/contracts/routes';
import type { z } from 'zod';

type TypedRoute =
  | (typeof conversationRoutes)[number]
  | (typeof analysisRoutes)[number]
  | (typeof searchRoutes)[number]
  | (typeof graphRoutes)[number]
  | (typeof identityRoutes)[number]
  | (typeof modelRoutes)[number];

/** Actions whose input and answer the compiler knows; those under /api/v1/admin/ go by {@link AnyAction}. */
export type TypedAction = TypedRoute['action'];
type AnyAction = (typeof adminRoutes)[number]['action'];
type RouteOf<A> = Extract<TypedRoute, { action: A }>;
type Part<R, K extends string> = R extends { [P in K]: infer S extends z.ZodType } ? { [P in K]: z.input<S> } : unknown;

/** What an action takes: parameters of the path, of the query, and the body. */
export type InputOf<A> = A extends TypedAction
  ? Part<RouteOf<A>, 'params'> & Partial<Part<RouteOf<A>, 'query'>> & Part<RouteOf<A>, 'body'>
  : { params?: object; query?: object; body?: unknown };

/** What an action answers. */
export type AnswerOf<A> = A extends TypedAction ? z.output<RouteOf<A>['response']> : Record<string, unknown>;

export interface CallOptions {
  /** A position that a write returned: the answer is of a store that holds it. */
  readonly after?: string;
  readonly signal?: AbortSignal;
}

export interface ClientOptions {
  readonly url: string;
  /** An API key or a token; none for public routes. */
  readonly apiKey?: string;
  /** Default 60,000. */
  readonly timeoutMs?: number;
  /** How often a call that may be repeated is tried; default 4. */
  readonly attempts?: number;
  readonly fetch?: typeof fetch;
}

/** A problem document (RFC 9457) that the gateway answered, or `store_unavailable` where it wasn't reached. */
export class ProblemError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly retryable: boolean;
  readonly requestId: string | null;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    detail: string,
    options: { requestId?: string | null; data?: object; cause?: unknown } = {},
  ) {
    super(detail, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'ProblemError';
    this.code = code;
    this.status = errorTable[code].status;
    this.retryable = errorTable[code].retryable;
    this.requestId = options.requestId ?? null;
    this.data = { ...options.data };
  }
}

const firstPauseMs = 200;
const longestPauseMs = 5000;

/** The typed client of a gateway: one method, an action of the contracts by its name. */
export class MindoraClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /**
   * Calls an action. Reads, and writes that are refused as retryable before anything happened, are tried again with
   * growing pauses (Retry-After where it is given); a write that may have been done (its answer was lost, or a store
   * didn't answer in time) is not, unless `repeatable` says that the same write again adds nothing.
   *
   * @throws ProblemError
   */
  async call<A extends TypedAction | AnyAction>(
    action: A,
    input: InputOf<A>,
    options: CallOptions & { readonly repeatable?: boolean } = {},
  ): Promise<AnswerOf<A>> {
    const route = routeOf(action);
    const repeatable = options.repeatable ?? !route.writes;
    const attempts = this.#options.attempts ?? 4;
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.#once(route, input as LooseInput, options)) as AnswerOf<A>;
      } catch (error) {
        const pauseMs = error instanceof Failure ? error.pauseMs(attempt, repeatable) : null;
        if (pauseMs === null || attempt >= attempts || options.signal?.aborted === true) throw unwrap(error);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  async #once(route: RouteDefinition, input: LooseInput, options: CallOptions): Promise<unknown> {
    const send = this.#options.fetch ?? fetch;
    const timeout = AbortSignal.timeout(this.#options.timeoutMs ?? 60_000);
    const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
    const response = await send(urlOf(this.#options.url, route, input), {
      method: route.method,
      headers: this.#headers(input, options),
      ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
      signal,
    }).catch((cause: unknown) => {
      throw new Failure(new ProblemError('store_unavailable', `no answer from ${this.#options.url}`, { cause }), false);
    });
    const body: unknown = await response.json().catch(() => null);
    if (response.ok) return body;
    const problem = problemOf(response, body);
    throw new Failure(problem, !mayBeDone.has(problem.code), response.headers.get('retry-after'));
  }

  #headers(input: LooseInput, options: CallOptions): Record<string, string> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (input.body !== undefined) headers['content-type'] = 'application/json';
    if (this.#options.apiKey !== undefined) headers.authorization = `Bearer ${this.#options.apiKey}`;
    if (options.after !== undefined) headers[positionHeader] = options.after;
    return headers;
  }
}

type LooseInput = { params?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown };

/** Answers after which what was asked may still have been done: a part of the version was lost or late. */
const mayBeDone: ReadonlySet<ErrorCode> = new Set(['store_unavailable']);

/** A failed attempt: `refused` tells whether the gateway itself refused, so that nothing happened. */
class Failure extends Error {
  readonly problem: ProblemError;
  readonly #refused: boolean;
  readonly #retryAfter: string | null;

  constructor(problem: ProblemError, refused: boolean, retryAfter: string | null = null) {
    super(problem.message);
    this.problem = problem;
    this.#refused = refused;
    this.#retryAfter = retryAfter;
  }

  /** Milliseconds until the next attempt; null where there must be none. */
  pauseMs(attempt: number, repeatable: boolean): number | null {
    if (!this.problem.retryable || !(this.#refused || repeatable)) return null;
    const asked = Number(this.#retryAfter) * 1000;
    const pause = asked > 0 ? asked : firstPauseMs * 2 ** (attempt - 1);
    return Math.min(pause, longestPauseMs);
  }
}

function unwrap(error: unknown): unknown {
  return error instanceof Failure ? error.problem : error;
}

function routeOf(action: string): RouteDefinition {
  const route = routes.find((candidate) => candidate.action === action);
  if (route === undefined) throw new ProblemError('invalid_request', `no action ${action}`);
  return route;
}

function urlOf(base: string, route: RouteDefinition, input: LooseInput): string {
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) =>
    encodeURIComponent(String(input.params?.[name] ?? '')),
  );
  const url = new URL(base.replace(/\/$/, '') + path);
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url.href;
}

function problemOf(response: Response, body: unknown): ProblemError {
  const { code, detail, ...data } = (body ?? {}) as { code?: string; detail?: string };
  const known = code !== undefined && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'internal';
  const requestId = response.headers.get('x-request-id');
  return new ProblemError(known, detail ?? `the gateway answered ${response.status}`, { requestId, data });
}
