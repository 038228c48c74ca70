import type { Json, Row } from '@mindora/contracts';
import type { Target } from '../port.ts';
import type { Page } from '../relational/port.ts';

/**
 * A filter in the language of document stores, parsed before it reaches the engine: field paths with dots, the
 * operators $eq $ne $gt $gte $lt $lte $in $nin $exists $and $or $nor $not $regex(+$options i), arrays matched by
 * element. Anything else is `invalid_filter`.
 */
export type DocumentFilter = { readonly [field: string]: Json };

export interface FindQuery {
  readonly entity: 'conversation' | 'analysis' | 'ai_service_config';
  readonly filter: DocumentFilter;
  /** Only documents of this user, whatever the filter says. */
  readonly userId: string | null;
  readonly limit: number;
  readonly after: string | null;
}

/** The document store (A2.6). Documents have the fields of `documents.documents` and `_id`, a string. */
export interface DocumentQueries {
  /** Newest first. @throws MindoraError `invalid_filter`, `invalid_cursor` */
  find(query: FindQuery): Promise<Page>;
  profile(userId: string): Promise<Row | null>;
}

export type DocumentStore = Target & DocumentQueries;
