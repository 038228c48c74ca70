export { createSearchService, type SearchDependencies } from './search.service.ts';
