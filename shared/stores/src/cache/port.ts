import type { Json, Row } from '@mindora/contracts';
import type { Target } from '../port.ts';

/** The cache (A2.3). Records are filled by sync alone (rule 16); the rest is the services' own live state. */
export interface CacheQueries {
  /** The cached record, or null where it isn't there (any more). */
  record(entity: 'conversation' | 'analysis', id: string): Promise<Row | null>;
  /** A value of a service's own; keys are at most 512 characters. */
  read(key: string): Promise<Json | null>;
  write(key: string, value: Json, ttlMs: number): Promise<void>;
  remove(key: string): Promise<boolean>;
  /** Counts in a window that starts with the first call: the count after this one, and when the window ends. */
  increment(key: string, windowMs: number): Promise<{ readonly count: number; readonly endsAt: number }>;
  publish(channel: string, message: Json): Promise<void>;
  /** Returns a function that ends the subscription. */
  subscribe(channel: string, listener: (message: Json) => void): Promise<() => Promise<void>>;
}

export type CacheStore = Target & CacheQueries;
