import type { Row } from '@mindora/contracts';
import type { DocumentFilter, DocumentQueries, FullTextQueries, TextHit } from '@mindora/stores';
import { highlightHtml } from './highlight.ts';

export interface SearchDependencies {
  readonly fulltext: FullTextQueries;
  readonly documents: Pick<DocumentQueries, 'find'>;
}

interface SearchPage {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly user_id?: string | undefined;
}

export interface WordSearch extends SearchPage {
  readonly query: string;
  readonly sort: 'newest' | 'relevance';
  readonly analysis_type?: string | undefined;
}

export interface FilterSearch extends SearchPage {
  readonly query: DocumentFilter;
}

type Scope = string | null;
type Searched = 'conversation' | 'analysis';

/** What the search service does (A1.6, A1.7, A1.8). Who isn't an administrator finds its own records only. */
export function searchUseCases({ fulltext, documents }: SearchDependencies) {
  return {
    async byWords(entity: Searched, search: WordSearch, scope: Scope) {
      const { hits, next } = await fulltext.search({
        entity,
        query: search.query,
        userId: scope ?? search.user_id ?? null,
        analysisType: search.analysis_type ?? null,
        limit: search.limit,
        sort: search.sort,
        after: search.cursor ?? null,
      });
      return { results: hits.map(hitOf), next };
    },
    async byFilter(entity: Searched, search: FilterSearch, scope: Scope) {
      const { items, next } = await documents.find({
        entity,
        filter: search.query,
        userId: scope ?? search.user_id ?? null,
        limit: search.limit,
        after: search.cursor ?? null,
      });
      return { results: items.map(documentOf), next };
    },
  };
}

function hitOf({ document, score, highlight }: TextHit) {
  const { tags } = document;
  const marked = Object.entries(highlight).map(([field, excerpt]) => [field, highlightHtml(excerpt)] as const);
  return {
    ...document,
    tags: Array.isArray(tags) ? tags.map(String) : [],
    score,
    highlight: Object.fromEntries(marked),
  };
}

function documentOf(document: Row): Row & { _id: string } {
  return { ...document, _id: String(document._id) };
}
