import type { CallMeta, Principal, RouteDefinition } from '@mindora/contracts';
import { routes } from '@mindora/contracts/routes';
import { type ServiceSchema, silentLogger } from '@mindora/runtime';
import { createBroker } from '@mindora/runtime/service';

export interface ActionRequest {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
  /** Who calls; left out: an administrator. */
  readonly as?: Principal;
}

/** Services in a broker of their own, called as the gateway calls them. */
export interface StartedServices {
  /** Calls a route's action. The request passes the route's schemas, and so must the answer. */
  call(action: string, request?: ActionRequest): Promise<Record<string, unknown>>;
  /** Calls an internal action. */
  internal(action: string, params: object): Promise<unknown>;
  stop(): Promise<void>;
}

/** A user without rights of its own, as the gateway would name it. */
export function principalOf(userId: string, role: Principal['role'] = 'user'): Principal {
  return { userId, role, permissions: [] };
}

export async function startServices(...schemas: readonly ServiceSchema[]): Promise<StartedServices> {
  const broker = createBroker({ version: 'test', nodeId: 'test', log: silentLogger() });
  for (const schema of schemas) broker.createService(schema);
  await broker.start();
  return {
    async call(action, request = {}) {
      const route = routeOf(action);
      const meta = metaOf(request.as ?? principalOf('admin_001', 'admin'));
      const answer = await broker.call(action, parsed(route, request), { meta });
      return route.response.parse({ ...(answer as object), status: 'success' }) as Record<string, unknown>;
    },
    internal: (action, params) => broker.call(action, params),
    stop: () => broker.stop(),
  };
}

function routeOf(action: string): RouteDefinition {
  const route = routes.find((it) => it.action === action);
  if (route === undefined) throw new Error(`no route has the action ${action}`);
  return route;
}

function metaOf(principal: Principal): CallMeta {
  return { principal, requestId: 'test', scope: principal.role === 'admin' ? null : principal.userId };
}

function parsed(route: RouteDefinition, { params, query, body }: ActionRequest): object {
  return {
    params: route.params?.parse(params ?? {}),
    query: route.query?.parse(query ?? {}),
    body: route.body?.parse(body ?? {}),
  };
}
