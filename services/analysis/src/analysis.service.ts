import type { analysisRoutes } from '@mindora/contracts';
import type { RouteAction, ServiceSchema } from '@mindora/runtime';
import { defineService } from '@mindora/runtime/service';
import { type AnalysisDependencies, analysisUseCases } from './domain/analyses.ts';

export type { AnalysisDependencies } from './domain/analyses.ts';

type Routes = typeof analysisRoutes;

/** Analyses: written to the primary, read from the cache by id and from the relational store in lists and figures. */
export function createAnalysisService(dependencies: AnalysisDependencies): ServiceSchema {
  const cases = analysisUseCases(dependencies);
  const create: RouteAction<Routes, 'analysis.create'> = ({ body, meta }) => cases.create(body, meta.scope);
  const createBatch: RouteAction<Routes, 'analysis.createBatch'> = ({ body, meta }) =>
    cases.createBatch(body.items, meta.scope);
  const get: RouteAction<Routes, 'analysis.get'> = ({ params, meta }) => cases.get(params.analysis_id, meta.scope);
  const update: RouteAction<Routes, 'analysis.update'> = ({ params, body, meta }) =>
    cases.update(params.analysis_id, body, meta.scope);
  const remove: RouteAction<Routes, 'analysis.remove'> = ({ params, meta }) =>
    cases.remove(params.analysis_id, meta.scope);
  const list: RouteAction<Routes, 'analysis.list'> = ({ params, query }) => cases.list(params.user_id, query);
  const statistics: RouteAction<Routes, 'analysis.statistics'> = ({ query, meta }) =>
    cases.statistics(meta.scope ?? query.user_id ?? null);
  return defineService({ name: 'analysis', actions: { create, createBatch, get, update, remove, list, statistics } });
}
