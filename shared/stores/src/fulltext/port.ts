import type { Row } from '@mindora/contracts';
import type { Target } from '../port.ts';

export interface TextQuery {
  readonly entity: 'conversation' | 'analysis';
  /** Words in any language; all of them must be found. Quotes make a phrase. Never parsed as an engine's syntax. */
  readonly query: string;
  readonly userId: string | null;
  readonly analysisType: string | null;
  readonly limit: number;
  readonly sort: 'newest' | 'relevance';
  readonly after: string | null;
}

export interface TextHit {
  readonly document: Row;
  /** Higher is better; comparable within one answer only. */
  readonly score: number;
  /** By field: an excerpt as plain text in which the found words stand between U+E000 and U+E001. */
  readonly highlight: Readonly<Record<string, string>>;
}

export interface TextPage {
  readonly hits: readonly TextHit[];
  readonly next: string | null;
}

/** Full text over the fields of type text (A2.7), Chinese included. */
export interface FullTextQueries {
  search(query: TextQuery): Promise<TextPage>;
}

export type FullTextStore = Target & FullTextQueries;
