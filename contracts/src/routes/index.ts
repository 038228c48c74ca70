import { adminRoutes } from './admin.ts';
import { adoptionRoute } from './adoption.ts';
import { analysisRoutes } from './analyses.ts';
import { conversationRoutes } from './conversations.ts';
import { graphRoutes } from './graph.ts';
import { identityRoutes } from './identity.ts';
import { modelRoutes } from './model.ts';
import type { RouteDefinition } from './route.ts';
import { searchRoutes } from './search.ts';

export * from '../erasure.ts';
export * from '../verify.ts';
export * from './admin.ts';
export * from './adoption.ts';
export * from './analyses.ts';
export * from './conversations.ts';
export * from './graph.ts';
export * from './identity.ts';
export * from './model.ts';
export * from './route.ts';
export * from './search.ts';

/** Every route of the gateway but /health, /ready, /metrics and the descriptions, which answer without services. */
export const routes: readonly RouteDefinition[] = [
  ...conversationRoutes,
  ...analysisRoutes,
  ...searchRoutes,
  ...graphRoutes,
  ...identityRoutes,
  ...modelRoutes,
  ...adminRoutes,
  adoptionRoute,
];

/** Header of a request that has to see a write: the position that the write returned. */
export const positionHeader = 'x-mindora-after';
