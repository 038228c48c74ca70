import type { Row } from '@mindora/contracts';
import type { Target } from '../port.ts';
import type { VectorQueries } from '../vectors/port.ts';

/** A page, newest first; `next` is the cursor of the following one, null at the end. */
export interface Page {
  readonly items: readonly Row[];
  readonly next: string | null;
}

export interface HistoryQuery {
  readonly userId: string;
  readonly sessionId: string | null;
  readonly limit: number;
  /** `next` of the page before; null for the first. */
  readonly after: string | null;
}

export interface AnalysisStatistics {
  readonly total: number;
  /** Mean of those that have a score; null where none has. */
  readonly averageConfidence: number | null;
}

/** The relational store (A2.2). Rows have the fields of `documents.relational`. */
export interface RelationalQueries extends VectorQueries {
  conversations(query: HistoryQuery): Promise<Page>;
  analyses(query: HistoryQuery & { readonly analysisType: string | null }): Promise<Page>;
  /** Of one user, or of all. */
  analysisStatistics(userId: string | null): Promise<AnalysisStatistics>;
}

export type RelationalStore = Target & RelationalQueries;
