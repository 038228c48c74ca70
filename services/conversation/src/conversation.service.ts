import type { conversationRoutes } from '@mindora/contracts';
import type { RouteAction, ServiceSchema } from '@mindora/runtime';
import { defineService } from '@mindora/runtime/service';
import { type ConversationDependencies, conversationUseCases } from './domain/conversations.ts';

export type { ConversationDependencies } from './domain/conversations.ts';

type Routes = typeof conversationRoutes;

/** Conversations: written to the primary, read from the cache by id and from the relational store as a history. */
export function createConversationService(dependencies: ConversationDependencies): ServiceSchema {
  const cases = conversationUseCases(dependencies);
  const create: RouteAction<Routes, 'conversation.create'> = ({ body, meta }) => cases.create(body, meta.scope);
  const createBatch: RouteAction<Routes, 'conversation.createBatch'> = ({ body, meta }) =>
    cases.createBatch(body.items, meta.scope);
  const get: RouteAction<Routes, 'conversation.get'> = ({ params, meta }) =>
    cases.get(params.conversation_id, meta.scope);
  const update: RouteAction<Routes, 'conversation.update'> = ({ params, body, meta }) =>
    cases.update(params.conversation_id, body, meta.scope);
  const remove: RouteAction<Routes, 'conversation.remove'> = ({ params, meta }) =>
    cases.remove(params.conversation_id, meta.scope);
  const history: RouteAction<Routes, 'conversation.history'> = ({ params, query }) =>
    cases.history(params.user_id, query);
  return defineService({ name: 'conversation', actions: { create, createBatch, get, update, remove, history } });
}
