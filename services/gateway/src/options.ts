import type { Clock, Logger, Metrics, Random, ServiceBroker, Tokens } from '@mindora/runtime';

/** Tokens that come back at a steady pace into a bucket of a certain size. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Every bound of the gateway; what is left out has the value of {@link defaultLimits}. */
export interface Limits {
  readonly bodyBytesMax: number;
  /** Bytes of all bodies being received or worked on. */
  readonly bodyBytesInFlightMax: number;
  /** Values (members, items) in one body. */
  readonly bodyValuesMax: number;
  readonly bodyDepthMax: number;
  readonly headerBytesMax: number;
  readonly requestsInFlightMax: number;
  readonly connectionsMax: number;
  /** Time to receive a whole request. */
  readonly receiveTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** How long /ready says no before the listener closes: as long as a load balancer takes to notice. */
  readonly drainNoticeMs: number;
  /** Of a user who isn't an administrator. */
  readonly principalRate: Rate;
  /** Of an address: public routes, and requests whose key or token is refused. */
  readonly addressRate: Rate;
  /** Logins of one address for one login name, and of one address for any. */
  readonly loginRate: Rate;
  readonly loginAddressRate: Rate;
  /** How long an answer of the identity service is used; the longest that a suspended user stays in. */
  readonly principalCacheMs: number;
  readonly runtimeConfigCacheMs: number;
  readonly readyCacheMs: number;
}

export const defaultLimits: Limits = {
  bodyBytesMax: 8 * 1024 * 1024,
  bodyBytesInFlightMax: 256 * 1024 * 1024,
  bodyValuesMax: 50_000,
  bodyDepthMax: 64,
  headerBytesMax: 32 * 1024,
  requestsInFlightMax: 1000,
  connectionsMax: 10_000,
  receiveTimeoutMs: 60_000,
  keepAliveTimeoutMs: 65_000,
  drainTimeoutMs: 10_000,
  drainNoticeMs: 0,
  principalRate: { perSecond: 500, burst: 2000 },
  addressRate: { perSecond: 50, burst: 200 },
  loginRate: { perSecond: 1 / 6, burst: 10 },
  loginAddressRate: { perSecond: 0.5, burst: 60 },
  principalCacheMs: 5000,
  runtimeConfigCacheMs: 1000,
  readyCacheMs: 500,
};

export interface GatewayDeps {
  /** Started; answers the actions of the routes and those of contracts/src/internal.ts. */
  readonly broker: ServiceBroker;
  readonly version: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** The same that the identity service signs with. */
  readonly tokens: Tokens;
  /** Printed by /metrics; default: the gateway's own. */
  readonly metrics?: Metrics;
  /** Serve /docs, /openapi.json and /asyncapi.json (default true). */
  readonly docs?: boolean;
  /** `key`: /metrics asks for `system_config` (the default); `open`: for nothing, where the network is closed. */
  readonly metricsAccess?: 'key' | 'open';
  /** Hash of a key that opens /metrics and nothing else: for a monitoring that must not see data. */
  readonly metricsKeyHash?: string;
  /** Web origins that may call with a browser; none by default. */
  readonly origins?: readonly string[];
  /** The gateway stands behind a proxy whose X-Forwarded-For names the client (default false). */
  readonly trustProxy?: boolean;
  /** Hold answers to the schemas of their routes: for tests. */
  readonly checkAnswers?: boolean;
  readonly limits?: Partial<Limits>;
}

export interface Gateway {
  /** Port 0 takes a free one. Answers with the URL. */
  listen(port: number, host: string): Promise<string>;
  /** Null until it listens. */
  readonly url: string | null;
  /** Drains: /ready says no, the listener closes, requests under way are finished (bounded), then the rest ends. */
  close(): Promise<void>;
}
