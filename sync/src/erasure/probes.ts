/** Asking stores for a user, as services would. */
import { entitiesOf, entity, isScheduled, type Role, type ScheduledRole } from '@mindora/contracts';
import type { VectorQueries } from '@mindora/stores';
import type { UserQueries } from './ports.ts';

/** How many things one query still found of a user. */
export type Probe = (userId: string) => Promise<number>;

/** The queries to ask of a store; none where it is only asked by key (cache, full text). */
export function probesOf(role: Role, queries: UserQueries, dimensions: number): Probe[] {
  if (role === 'relational') return relationalProbes(queries, dimensions);
  if (role === 'documents') return documentProbes(queries);
  if (role === 'personal') return personalProbes(queries);
  if (role === 'vectors') return nearestProbes(queries.vectors, dimensions);
  if (isScheduled(role)) return rowProbes(role, queries);
  const { graph } = queries;
  if (role !== 'graph' || graph === undefined) return [];
  return [async (userId) => (await graph.user(userId, 1)).nodes.length];
}

function relationalProbes({ relational }: UserQueries, dimensions: number): Probe[] {
  if (relational === undefined) return [];
  const first = { sessionId: null, limit: 1, after: null };
  return [
    async (userId) => (await relational.conversations({ ...first, userId })).items.length,
    async (userId) => (await relational.analyses({ ...first, userId, analysisType: null })).items.length,
    ...nearestProbes(relational, dimensions),
  ];
}

function documentProbes({ documents }: UserQueries): Probe[] {
  if (documents === undefined) return [];
  const first = { filter: {}, limit: 1, after: null };
  return [
    async (userId) => (await documents.find({ ...first, entity: 'conversation', userId })).items.length,
    async (userId) => (await documents.find({ ...first, entity: 'analysis', userId })).items.length,
    async (userId) => ((await documents.profile(userId)) === null ? 0 : 1),
  ];
}

function personalProbes({ personal }: UserQueries): Probe[] {
  if (personal === undefined) return [];
  return entitiesOf('personal').map(
    (name): Probe =>
      async (userId) =>
        (await personal.list(userId, name, 1, null)).items.length,
  );
}

function rowProbes(role: ScheduledRole, { [role]: store }: UserQueries): Probe[] {
  if (store === undefined) return [];
  return entitiesOf(role).flatMap((name): Probe[] => {
    const { owner } = entity(name);
    if (owner === undefined) return [];
    const first = { limit: 1, after: null };
    return [async (userId) => (await store.rows({ entity: name, where: { [owner]: userId }, ...first })).items.length];
  });
}

/** Any vector has a nearest neighbour among a user's records, as long as there is one. */
function nearestProbes(vectors: VectorQueries | undefined, dimensions: number): Probe[] {
  if (vectors === undefined || dimensions === 0) return [];
  const vector = new Float32Array(dimensions).fill(1);
  return (['conversation', 'analysis'] as const).map(
    (name): Probe =>
      async (userId) =>
        (await vectors.nearest({ entity: name, vector, limit: 1, userId })).length,
  );
}
