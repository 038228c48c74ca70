import type { Role } from '@mindora/contracts';
import type {
  DocumentQueries,
  GraphQueries,
  PersonalQueries,
  RelationalQueries,
  SpecialQueries,
  VectorQueries,
} from '@mindora/stores';
import type { VerifyParts } from '../verify/index.ts';

/** The queries by which a store could still show something of a user. */
export interface UserQueries {
  readonly relational?: Pick<RelationalQueries, 'conversations' | 'analyses' | 'nearest'>;
  readonly documents?: Pick<DocumentQueries, 'find' | 'profile'>;
  readonly graph?: Pick<GraphQueries, 'user'>;
  readonly vectors?: VectorQueries;
  readonly personal?: PersonalQueries;
  readonly identity?: SpecialQueries;
  readonly governance?: SpecialQueries;
  readonly credit?: SpecialQueries;
}

/** Whatever else keeps something of users (sessions, response caches, files) registers itself here (rule 16). */
export interface ErasureHolder {
  readonly name: string;
  /** Removes all of a user; may be called again. How many things it removed. */
  erase(userId: string): Promise<number>;
  /** How many things of a user are left. */
  left(userId: string): Promise<number>;
}

export interface EraseParts extends VerifyParts {
  readonly queries: UserQueries;
  readonly holders: readonly ErasureHolder[];
  /** False where the primary's server keeps what was deleted in its files for a while. */
  readonly primaryScrubs?: boolean;
}

export interface EraseOptions {
  /** How long to wait, without progress, until the stores have applied the deletions. */
  readonly waitMs: number;
  readonly signal?: AbortSignal;
}

export interface EraseProgress {
  readonly step: 'delete' | 'apply' | 'scrub' | 'check';
  readonly store: Role | null;
}

export type OnEraseProgress = (progress: EraseProgress) => void;
