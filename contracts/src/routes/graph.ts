import { z } from 'zod';
import { recordId } from './conversations.ts';
import { countField, limitField, optional, type RouteDefinition, success, text, userIdField } from './route.ts';

const base = {
  tag: 'graph',
  access: 'authenticated',
  permission: 'ai_access',
  method: 'GET',
  status: 200,
  requirement: 'A2.5',
  writes: false,
  reads: 'graph',
} as const;

const node = z.looseObject({ label: z.string(), key: z.string(), properties: z.looseObject({}) });
const edge = z.looseObject({ type: z.string(), from: z.string(), to: z.string(), properties: z.looseObject({}) });
const subgraph = { nodes: z.array(node), edges: z.array(edge), truncated: z.boolean() };
const relation = z.looseObject({ id: z.string(), score: z.number(), node });
const ofUser = { params: z.strictObject({ user_id: userIdField }), owner: { in: 'params', field: 'user_id' } } as const;

export const graphRoutes = [
  {
    ...base,
    ...ofUser,
    action: 'graph.user',
    path: '/api/v1/ai/graph/user/{user_id}',
    summary: 'Sessions, conversations, models and skills around a user',
    query: z.strictObject({ limit: limitField(100, 1000) }),
    response: success(subgraph),
    errors: [],
  },
  {
    ...base,
    action: 'graph.chain',
    path: '/api/v1/ai/graph/session/{session_id}',
    summary: "A session's conversations in order of time",
    params: z.strictObject({ session_id: text(1, 100) }),
    query: z.strictObject({ limit: limitField(100, 1000) }),
    response: success({ conversations: z.array(node) }),
    errors: [],
  },
  {
    ...base,
    action: 'graph.related',
    path: '/api/v1/ai/graph/related/{conversation_id}',
    summary: 'Conversations related to one, best first',
    params: z.strictObject({ conversation_id: recordId }),
    query: z.strictObject({ limit: limitField(10, 100) }),
    response: success({ related: z.array(relation) }),
    errors: [],
  },
  {
    ...base,
    action: 'graph.path',
    path: '/api/v1/ai/graph/path',
    summary: 'A shortest path between two nodes, each named Label:key',
    query: z.strictObject({
      from: text(3, 250),
      to: text(3, 250),
      depth: countField(1, 6, 4),
    }),
    response: success({ path: z.looseObject(subgraph).nullable() }),
    errors: [],
  },
  {
    ...base,
    action: 'graph.similar',
    path: '/api/v1/ai/graph/similar/{user_id}',
    summary: 'Users with the same models and skills; administrators only',
    params: z.strictObject({ user_id: userIdField }),
    permission: 'user_manage',
    query: z.strictObject({ limit: limitField(10, 100) }),
    response: success({
      users: z.array(z.looseObject({ user_id: z.string(), shared: z.array(z.string()), score: z.number() })),
    }),
    errors: [],
  },
  {
    ...base,
    ...ofUser,
    action: 'graph.recommend',
    path: '/api/v1/ai/graph/recommendations/{user_id}',
    summary: "Conversations worth looking at again, related to a user's latest",
    query: z.strictObject({ limit: limitField(10, 100) }),
    response: success({ recommendations: z.array(relation) }),
    errors: [],
  },
  {
    ...base,
    action: 'graph.skills',
    path: '/api/v1/ai/graph/skills',
    summary: 'Skills with the number of users who have them',
    query: z.strictObject({ user_id: optional(userIdField), limit: limitField(50, 1000) }),
    owner: { in: 'query', field: 'user_id', optional: true },
    response: success({ skills: z.array(z.looseObject({ skill: z.string(), users: z.int() })) }),
    errors: [],
  },
] as const satisfies readonly RouteDefinition[];
