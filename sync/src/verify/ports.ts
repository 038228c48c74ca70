import type { EventBus } from '@mindora/bus';
import type { EntityName, RetentionPolicy, Role, VerifyProgress } from '@mindora/contracts';
import type { Clock } from '@mindora/runtime';
import type { GraphQueries, PrimaryLedger, Target } from '@mindora/stores';

/** What a check needs of a running (or stopped and opened) version. */
export interface VerifyParts {
  /** Name of the version, for the report. */
  readonly version: string;
  readonly ledger: PrimaryLedger;
  readonly targets: ReadonlyMap<Role, Target>;
  /** The graph's derived edges; without it they are not checked. */
  readonly relations?: Pick<GraphQueries, 'deadRelations' | 'removeRelations'>;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly embedder: { readonly model: string; readonly dimensions: number };
  readonly retention: RetentionPolicy;
  /**
   * Whether a store is being wiped, filled or reconciled right now: what it lacks then is on its way, although no
   * mark says so yet.
   */
  readonly reconciling?: (role: Role) => boolean | Promise<boolean>;
  /** Has a scheduled store filled as long as it is looked at, until the returned function is called. */
  readonly hold?: (role: Role) => () => void;
  /** Name under which a store's workers consume the bus; the role where not given. */
  readonly consumer?: (role: Role) => string;
}

export interface VerifyOptions {
  /** Null: every store. */
  readonly stores: readonly Role[] | null;
  /** Null: every entity. */
  readonly entities: readonly EntityName[] | null;
  readonly repair: boolean;
  /** With `repair`: only says what would be done. */
  readonly dryRun: boolean;
  /** How long to wait without progress for what is on its way, before it is counted as pending. */
  readonly waitMs: number;
  /** Most differences that are listed; counts are exact. */
  readonly differencesMax?: number;
  readonly signal?: AbortSignal;
}

export type OnProgress = (progress: VerifyProgress) => void;
