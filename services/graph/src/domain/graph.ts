import { MindoraError } from '@mindora/runtime';
import type { GraphQueries } from '@mindora/stores';
import { parseNodeName } from './names.ts';
import { recommend } from './recommend.ts';

export interface GraphDependencies {
  readonly graph: Pick<GraphQueries, 'user' | 'chain' | 'related' | 'path' | 'similarUsers' | 'skills'>;
}

export interface PathQuery {
  readonly from: string;
  readonly to: string;
  readonly depth: number;
}

type Scope = string | null;

/** What the graph service does (A2.5). A user sees what is its own; only an administrator sees across users. */
export function graphUseCases({ graph }: GraphDependencies) {
  return {
    async user(userId: string, limit: number) {
      return { ...(await graph.user(userId, limit)) };
    },
    async chain(sessionId: string, limit: number, scope: Scope) {
      return { conversations: await graph.chain(sessionId, limit, scope) };
    },
    async related(conversationId: string, limit: number, scope: Scope) {
      return { related: await graph.related(conversationId, limit, scope) };
    },
    async path({ from, to, depth }: PathQuery, scope: Scope) {
      const ends = [parseNodeName(from, 'from'), parseNodeName(to, 'to')];
      const foreign = ends.some(({ label, key }) => label === 'AIUser' && scope !== null && key !== scope);
      return { path: foreign ? null : await graph.path(from, to, depth, scope) };
    },
    async similar(userId: string, limit: number, scope: Scope) {
      if (scope !== null) throw new MindoraError('forbidden', 'only administrators compare users');
      const users = await graph.similarUsers(userId, limit);
      return { users: users.map(({ userId: user_id, shared, score }) => ({ user_id, shared, score })) };
    },
    async recommend(userId: string, limit: number) {
      return { recommendations: await recommend(graph, userId, limit) };
    },
    async skills(userId: string | null, limit: number) {
      return { skills: await graph.skills(userId, limit) };
    },
  };
}
