import type { searchRoutes } from '@mindora/contracts';
import type { RouteAction, ServiceSchema } from '@mindora/runtime';
import { defineService } from '@mindora/runtime/service';
import { type SearchDependencies, searchUseCases } from './domain/search.ts';

export type { SearchDependencies } from './domain/search.ts';

type Routes = typeof searchRoutes;

/** Search by words in the full-text store, and by filter in the document store. */
export function createSearchService(dependencies: SearchDependencies): ServiceSchema {
  const cases = searchUseCases(dependencies);
  const conversations: RouteAction<Routes, 'search.conversations'> = ({ body, meta }) =>
    cases.byWords('conversation', body, meta.scope);
  const analyses: RouteAction<Routes, 'search.analyses'> = ({ body, meta }) =>
    cases.byWords('analysis', body, meta.scope);
  const conversationDocuments: RouteAction<Routes, 'search.conversationDocuments'> = ({ body, meta }) =>
    cases.byFilter('conversation', body, meta.scope);
  const analysisDocuments: RouteAction<Routes, 'search.analysisDocuments'> = ({ body, meta }) =>
    cases.byFilter('analysis', body, meta.scope);
  return defineService({
    name: 'search',
    actions: { conversations, analyses, conversationDocuments, analysisDocuments },
  });
}
