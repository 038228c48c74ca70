import type { EventBus } from '@mindora/bus';
import type { EntityName, RetentionPolicy, Role, VerifyProgress } from '@mindora/contracts';
import type { Clock } from '@mindora/runtime';
import type {
  CacheStore,
  DocumentStore,
  FullTextStore,
  GraphStore,
  PersonalStore,
  PrimaryLedger,
  RelationalStore,
  VectorStore,
} from '@mindora/stores';

/** The stores of a version by role; a version may lack some. */
export interface Stores {
  readonly relational?: RelationalStore;
  readonly cache?: CacheStore;
  readonly documents?: DocumentStore;
  readonly fulltext?: FullTextStore;
  readonly graph?: GraphStore;
  readonly vectors?: VectorStore;
  readonly personal?: PersonalStore;
}

/** What a check needs of a running (or stopped and opened) version. */
export interface VerifyParts {
  /** Name of the version, for the report. */
  readonly version: string;
  readonly ledger: PrimaryLedger;
  readonly stores: Stores;
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly embedder: { readonly model: string; readonly dimensions: number };
  readonly retention: RetentionPolicy;
  /**
   * Whether a store is being wiped, filled or reconciled right now: what it lacks then is on its way, although no
   * mark says so yet.
   */
  readonly reconciling?: (role: Role) => boolean | Promise<boolean>;
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
