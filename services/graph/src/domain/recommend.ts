import { compareKeys } from '@mindora/contracts';
import type { GraphNode, GraphQueries, Relation } from '@mindora/stores';

type Recommendation = Relation & { node: GraphNode };

/** A user's newest conversations, to which others are looked for. */
const latestMax = 5;

/**
 * Earlier conversations of a user that are related to its latest ones, best first. Only the user's own: the ids and
 * texts of others' conversations are none of its business, however near they are.
 */
export async function recommend(
  graph: Pick<GraphQueries, 'user' | 'related'>,
  userId: string,
  limit: number,
): Promise<Recommendation[]> {
  const { nodes } = await graph.user(userId, latestMax);
  const latest = nodes.filter(({ label }) => label === 'AIConversation').map(({ key }) => key);
  const found = await Promise.all(latest.map((id) => graph.related(id, limit + latest.length, userId)));
  const best = new Map<string, Recommendation>();
  for (const recommendation of found.flat()) {
    const known = best.get(recommendation.id);
    if (latest.includes(recommendation.id) || (known !== undefined && known.score >= recommendation.score)) continue;
    best.set(recommendation.id, recommendation);
  }
  return [...best.values()].sort((a, b) => b.score - a.score || compareKeys(a.id, b.id)).slice(0, limit);
}
