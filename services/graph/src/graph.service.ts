import type { graphRoutes } from '@mindora/contracts';
import type { RouteAction, ServiceSchema } from '@mindora/runtime';
import { defineService } from '@mindora/runtime/service';
import { type GraphDependencies, graphUseCases } from './domain/graph.ts';

export type { GraphDependencies } from './domain/graph.ts';

type Routes = typeof graphRoutes;

/** Questions to the graph. */
export function createGraphService(dependencies: GraphDependencies): ServiceSchema {
  const cases = graphUseCases(dependencies);
  const user: RouteAction<Routes, 'graph.user'> = ({ params, query }) => cases.user(params.user_id, query.limit);
  const chain: RouteAction<Routes, 'graph.chain'> = ({ params, query, meta }) =>
    cases.chain(params.session_id, query.limit, meta.scope);
  const related: RouteAction<Routes, 'graph.related'> = ({ params, query, meta }) =>
    cases.related(params.conversation_id, query.limit, meta.scope);
  const path: RouteAction<Routes, 'graph.path'> = ({ query, meta }) => cases.path(query, meta.scope);
  const similar: RouteAction<Routes, 'graph.similar'> = ({ params, query, meta }) =>
    cases.similar(params.user_id, query.limit, meta.scope);
  const recommend: RouteAction<Routes, 'graph.recommend'> = ({ params, query }) =>
    cases.recommend(params.user_id, query.limit);
  const skills: RouteAction<Routes, 'graph.skills'> = ({ query, meta }) =>
    cases.skills(meta.scope ?? query.user_id ?? null, query.limit);
  return defineService({ name: 'graph', actions: { user, chain, related, path, similar, recommend, skills } });
}
