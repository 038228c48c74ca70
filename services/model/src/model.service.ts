import type { modelRoutes } from '@mindora/contracts';
import type { RouteAction, ServiceSchema } from '@mindora/runtime';
import { defineService } from '@mindora/runtime/service';
import { type ModelDependencies, modelTimeoutMs } from './domain/dependencies.ts';
import { modelUseCases } from './domain/exchanges.ts';

export type { ModelDependencies } from './domain/dependencies.ts';

type Routes = typeof modelRoutes;

/** Asks a language model and keeps what came of it (A1.12). */
export function createModelService(dependencies: ModelDependencies): ServiceSchema {
  const cases = modelUseCases(dependencies);
  const chat: RouteAction<Routes, 'model.chat'> = ({ body, meta }) => cases.chat(body, meta);
  const analyze: RouteAction<Routes, 'model.analyze'> = ({ body, meta }) => cases.analyze(body, meta);
  const timeoutMs = (dependencies.timeoutMs ?? modelTimeoutMs) + 15_000;
  return defineService({
    name: 'model',
    actions: { chat, analyze },
    timeoutsMs: { chat: timeoutMs, analyze: timeoutMs },
  });
}
