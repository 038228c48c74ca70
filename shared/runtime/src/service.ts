/**
 * The host of services: a Moleculer broker (lifecycle, discovery, request and response) whose errors are those of
 * the one table, on this side of a network and on the other.
 */
import type { CallMeta, CallParams, RouteDefinition } from '@mindora/contracts';
import {
  type BrokerOptions,
  type CallingOptions,
  type Context,
  Errors,
  Loggers,
  type Middleware,
  ServiceBroker,
  type ServiceSchema,
} from 'moleculer';
import type { z } from 'zod';
import { MindoraError, toMindoraError } from './errors.ts';
import type { Logger } from './log.ts';

export type { ServiceBroker, ServiceSchema } from 'moleculer';

export interface HostOptions {
  /** Also the namespace: brokers of two versions never see each other (rule 17). */
  readonly version: string;
  readonly nodeId: string;
  readonly log: Logger;
  /** None: all services in this process. */
  readonly transporter?: NonNullable<BrokerOptions['transporter']>;
  /** An action that says nothing about its time gets this (default 30 s). */
  readonly requestTimeoutMs?: number;
  /** Calls of one action that run at once (default 1000); more wait. */
  readonly concurrencyMax?: number;
  /** Calls of one action that wait (default 4000); more are `overloaded`. */
  readonly waitingMax?: number;
}

/** A broker without console, signal handlers or generated validators; it does nothing until it is started. */
export function createBroker(options: HostOptions): ServiceBroker {
  return new ServiceBroker({
    namespace: options.version,
    nodeID: options.nodeId,
    logger: new BrokerLogger(options.log),
    transporter: options.transporter ?? null,
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    bulkhead: { enabled: true, concurrency: options.concurrencyMax ?? 1000, maxQueueSize: options.waitingMax ?? 4000 },
    maxCallLevel: 10,
    validator: false,
    internalServices: false,
    skipProcessEventRegistration: true,
    errorRegenerator: new ErrorCarrier(),
    errorHandler: (thrown: Error): never => {
      throw translate(thrown);
    },
    middlewares: [ownErrors],
  });
}

/** Calls another action; `params`, `query` and `body` are what the gateway would send, `meta` goes along by itself. */
export type CallAction = (action: string, params: object, options?: CallingOptions) => Promise<unknown>;

/** What an action is given. */
export interface ActionCall<P = unknown, Q = unknown, B = unknown> extends CallParams<P, Q, B> {
  readonly meta: CallMeta;
  readonly call: CallAction;
}

/** The handler of an action that a route names. */
export type Action<P = unknown, Q = unknown, B = unknown, R = object> = (call: ActionCall<P, Q, B>) => Promise<R>;

type Output<S> = S extends z.ZodType ? z.output<S> : undefined;
type Answer<S extends z.ZodType> = Omit<z.input<S>, 'status'>;

/** The handler that a route's own schemas ask for: `RouteAction<typeof conversationRoutes, 'conversation.create'>`. */
export type RouteAction<
  Routes extends readonly RouteDefinition[],
  Name extends Routes[number]['action'],
  Route extends RouteDefinition = Extract<Routes[number], { readonly action: Name }>,
> = Action<
  Output<Route['params']>,
  Output<Route['query']>,
  Output<Route['body']>,
  { [field in keyof Answer<Route['response']>]: Answer<Route['response']>[field] }
>;

/** A handler of an internal action (contracts/src/internal.ts): plain parameters, plain result. */
// biome-ignore lint/suspicious/noExplicitAny: the shape belongs to each action
export type InternalAction = (params: any, meta: CallMeta) => Promise<unknown>;

export interface ServiceParts {
  readonly name: string;
  /** By the name behind the service's own: `create` of `conversation.create`. */
  // biome-ignore lint/suspicious/noExplicitAny: each action has a shape of its own
  readonly actions: Readonly<Record<string, Action<any, any, any, any>>>;
  readonly internal?: Readonly<Record<string, InternalAction>>;
  /** Actions that may take longer than the host's request timeout, in milliseconds. */
  readonly timeoutsMs?: Readonly<Record<string, number>>;
  started?(): Promise<void>;
  stopped?(): Promise<void>;
}

/** The Moleculer shell of a service: nothing but names and handlers. */
export function defineService(parts: ServiceParts): ServiceSchema {
  const actions: Record<string, object> = {};
  const add = (name: string, handler: (context: Context<unknown, CallMeta>) => Promise<unknown>): void => {
    if (actions[name] !== undefined) throw new Error(`${parts.name}.${name} is defined twice`);
    const timeout = parts.timeoutsMs?.[name];
    actions[name] = { handler, ...(timeout === undefined ? {} : { timeout }) };
  };
  for (const [name, action] of Object.entries(parts.actions)) {
    add(name, (context) => action(callOf(context as Context<CallParams, CallMeta>)));
  }
  for (const [name, action] of Object.entries(parts.internal ?? {})) {
    add(name, (context) => action(context.params, context.meta));
  }
  const { started, stopped } = parts;
  return {
    name: parts.name,
    actions,
    ...(started === undefined ? {} : { started: () => started.call(parts) }),
    ...(stopped === undefined ? {} : { stopped: () => stopped.call(parts) }),
  } as ServiceSchema;
}

function callOf(context: Context<CallParams, CallMeta>): ActionCall {
  const { params, query, body } = context.params;
  const call: CallAction = (action, callParams, options) => context.call(action, callParams as CallParams, options);
  return { params, query, body, meta: context.meta, call };
}

/** Innermost: what a handler throws becomes an error of the table before Moleculer looks at it. */
const ownErrors: Middleware = {
  name: 'MindoraErrors',
  localAction(next) {
    return async function guarded(context) {
      try {
        return await next.call(this, context);
      } catch (thrown) {
        throw translate(thrown);
      }
    };
  },
};

/** Moleculer's own errors in the terms of the table; its messages name actions and nodes, which are no secrets. */
function translate(thrown: unknown): MindoraError {
  const type = (thrown as { type?: unknown } | null)?.type;
  const options = { cause: thrown };
  switch (type) {
    case 'QUEUE_FULL':
      return new MindoraError('overloaded', 'too many calls of this action are waiting', options);
    case 'REQUEST_TIMEOUT':
      return new MindoraError('store_unavailable', 'no answer in time; what was asked may still be done', options);
    case 'SERVICE_NOT_FOUND':
    case 'SERVICE_NOT_AVAILABLE':
    case 'REQUEST_REJECTED':
    case 'BAD_GATEWAY':
      return new MindoraError('store_unavailable', 'the service that answers this is not running', options);
    default:
      return toMindoraError(thrown);
  }
}

type PlainError = Parameters<InstanceType<typeof Errors.Regenerator>['restore']>[0];

/** Carries errors of the table over a transporter: Moleculer's own carrier would assign to their getters. */
class ErrorCarrier extends Errors.Regenerator {
  override restore(plain: PlainError, payload: Record<string, unknown>): Error {
    if (plain.name !== 'MindoraError') return super.restore(plain, payload);
    const remote = new Error(plain.message);
    if (plain.stack !== undefined) remote.stack = plain.stack;
    return toMindoraError(Object.assign(remote, { code: plain.code, data: plain.data }));
  }
}

type Level = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** Hands the broker's own messages to pino, one step quieter; objects (which may hold parameters) are left out. */
class BrokerLogger extends Loggers.Base<{ level: Level }> {
  readonly #log: Logger;
  constructor(log: Logger) {
    super({ level: 'info' });
    this.#log = log;
  }
  override getLogHandler(bindings: { mod: string }) {
    const log = this.#log.child({ module: bindings.mod });
    return (level: Level, args: unknown[]): void => {
      const text = args.filter((argument) => typeof argument === 'string').join(' ');
      log[level === 'info' ? 'debug' : level](text);
    };
  }
}
