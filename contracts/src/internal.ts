/**
 * Actions that the gateway asks and no route names. Like every action they are called through the broker, with these
 * plain parameters (not `{params, query, body}`), and answer with exactly the result named here.
 */
import type { Role } from './definition.ts';
import type { Principal } from './routes/route.ts';

/** What of the configuration (A2.13) acts on requests. */
export interface RuntimeConfig {
  readonly system_name: string;
  readonly maintenance_mode: boolean;
  readonly ai_api_enabled: boolean;
  readonly max_concurrent_users: number;
}

/** A part that the whole needs to be ready: `primary`, `bus`, `sync`, `stores.cache`, ... */
export interface PartHealth {
  readonly name: string;
  readonly ok: boolean;
}

/** A family of measurements in Prometheus' terms. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly values: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** Name of an internal action, with what it is given and what it answers. */
export interface InternalActions {
  /**
   * The owner of an API key, by the key's SHA-256 in hexadecimal; null where there is no such key, it was revoked, or
   * its user is not active. The answer is kept for up to 5 seconds.
   */
  'identity.authenticateKey': { readonly params: { readonly hash: string }; readonly result: Principal | null };
  /** An active user with the permissions of its role now; null otherwise. The answer is kept for up to 5 seconds. */
  'identity.principal': { readonly params: { readonly userId: string }; readonly result: Principal | null };
  /** Active values of the configuration, with the defaults of A2.13 where one is missing. Kept for up to a second. */
  'config.runtime': { readonly params: Record<string, never>; readonly result: RuntimeConfig };
  /**
   * Answers when the queries of a store see what a position names; otherwise throws `parked`, `position_timeout`
   * (after `timeoutMs`; `data` says how far the store is) or `invalid_position`.
   */
  'sync.waitFor': {
    readonly params: { readonly store: Role; readonly token: string; readonly timeoutMs: number };
    readonly result: Record<string, unknown>;
  };
  'sync.metrics': { readonly params: Record<string, never>; readonly result: readonly MetricFamily[] };
  /** What the whole version is measured by beside its sync: its engines, its disk, its keys and certificates. */
  'system.metrics': { readonly params: Record<string, never>; readonly result: readonly MetricFamily[] };
  /** Looks at every part now. Parts that hang count as not healthy: it answers within 4 seconds. */
  'system.ready': { readonly params: Record<string, never>; readonly result: readonly PartHealth[] };
}

export type InternalActionName = keyof InternalActions;
