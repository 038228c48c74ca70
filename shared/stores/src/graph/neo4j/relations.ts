/** RELATED_TO: derived edges between conversations, which no record owns. */
import type { Relation } from '../port.ts';
import type { Neo4jTransaction } from './connection.ts';

const texts = {
  lock: `MATCH (a:AIConversation {conversationId: $id}) SET a._lock = true REMOVE a._lock`,
  unrelate: 'MATCH (:AIConversation {conversationId: $id})-[r:RELATED_TO]->() DELETE r',
  relate: `UNWIND $relations AS relation MATCH (a:AIConversation {conversationId: $id})
    MATCH (b:AIConversation {conversationId: relation.id})
    CREATE (a)-[:RELATED_TO {model: $model, score: relation.score}]->(b)`,
  dead: `MATCH (a)-[r:RELATED_TO]->(b)
    WHERE r.model IS NULL OR r.model <> $model OR NOT a:AIConversation OR NOT b:AIConversation
    RETURN ${endName('a')} AS from, ${endName('b')} AS to ORDER BY from, to LIMIT $limit`,
  remove: `UNWIND $pairs AS pair
    MATCH (:AIConversation {conversationId: pair[0]})-[r:RELATED_TO]->(:AIConversation {conversationId: pair[1]}) DELETE r`,
  removeOdd: `MATCH (a)-[r:RELATED_TO]->(b) WHERE NOT a:AIConversation OR NOT b:AIConversation
    WITH r, [${endName('a')}, ${endName('b')}] AS pair WHERE pair IN $pairs DELETE r`,
} as const;

/** What an end is called even if it is no conversation any more: by its id, at last by the engine's own. */
function endName(node: string): string {
  const noted = `CASE WHEN ${node}._key STARTS WITH 'conversation:' THEN substring(${node}._key, 13) END`;
  return `toString(coalesce(${node}.conversationId, ${noted}, '#' + elementId(${node})))`;
}

/** Replaces the relations that start at a conversation; of one end that is named twice the best score stands. */
export async function relate(
  transaction: Neo4jTransaction,
  id: string,
  model: string,
  relations: readonly Relation[],
): Promise<void> {
  const best = new Map<string, number>();
  for (const { id: other, score } of relations) {
    if (other !== id) best.set(other, Math.max(score, best.get(other) ?? score));
  }
  const rows = Array.from(best, ([other, score]) => ({ id: other, score })).sort((a, b) => (a.id < b.id ? -1 : 1));
  await Promise.all([
    transaction.rows(texts.lock, { id }),
    transaction.rows(texts.unrelate, { id }),
    transaction.rows(texts.relate, { id, model, relations: rows }),
  ]);
}

export async function deadRelations(
  transaction: Neo4jTransaction,
  model: string,
  limit: number,
): Promise<[string, string][]> {
  const rows = await transaction.rows<{ from: string; to: string }>(texts.dead, { model, limit: BigInt(limit) });
  return rows.map(({ from, to }) => [from, to]);
}

export async function removeRelations(
  transaction: Neo4jTransaction,
  pairs: readonly (readonly [string, string])[],
): Promise<void> {
  await Promise.all([transaction.rows(texts.remove, { pairs }), transaction.rows(texts.removeOdd, { pairs })]);
}
