import type { searchRoutes } from '@mindora/contracts';
import type { RouteAction, ServiceSchema } from '@mindora/runtime';
import { defineService } from '@mindora/runtime/service';
import { type VectorDependencies, vectorUseCases } from './domain/nearest.ts';

export type { VectorDependencies } from './domain/nearest.ts';

type Routes = typeof searchRoutes;

/** Search by meaning: in the vector store, or in the relational one while that isn't available. */
export function createVectorService(dependencies: VectorDependencies): ServiceSchema {
  const cases = vectorUseCases(dependencies);
  const conversations: RouteAction<Routes, 'vector.conversations'> = ({ body, meta }) =>
    cases.conversations(body, meta.scope);
  const analyses: RouteAction<Routes, 'vector.analyses'> = ({ body, meta }) => cases.analyses(body, meta.scope);
  return defineService({ name: 'vector', actions: { conversations, analyses } });
}
