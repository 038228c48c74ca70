/** Shortest paths: the embedded engine's search, asking the server for the neighbours of a whole front at a time. */
import { shortestPathByFronts } from '../paths.ts';
import type { GraphEdge, GraphNode, Subgraph } from '../port.ts';
import { bareNode, keyProperties, type Label, parseNodeName } from '../shape.ts';
import type { Neo4jTransaction } from './connection.ts';
import { nameOfNode, names, ownedTypes } from './names.ts';
import { conversationNode, Neo4jQueries, relationEdge } from './queries.ts';
import { fromProperties, type Properties } from './values.ts';

const owned = ownedTypes.join('|');
/** An edge of a record, of the user where one is given; or a relation between two of its conversations. */
const mayPass = `(type(r) <> 'RELATED_TO' AND r._owner IS NOT NULL AND ($userId IS NULL OR r._user = $userId))
  OR (type(r) = 'RELATED_TO' AND n:AIConversation AND m:AIConversation
    AND ($userId IS NULL OR (n.userId = $userId AND m.userId = $userId)))`;

const texts = {
  steps: `UNWIND $front AS id MATCH (n) WHERE elementId(n) = id
    CALL (n) { MATCH (n)-[r:${owned}|RELATED_TO]-(m) WHERE ${mayPass} RETURN DISTINCT m LIMIT $limit }
    RETURN id, elementId(m) AS next LIMIT $limit`,
  nodes: `UNWIND $ids AS id MATCH (n) WHERE elementId(n) = id
    RETURN id, ${nameOfNode('n')} AS name, properties(n) AS properties`,
  edge: `MATCH (n) WHERE elementId(n) = $from MATCH (n)-[r:${owned}|RELATED_TO]-(m)
    WHERE elementId(m) = $to AND (${mayPass})
    RETURN type(r) AS type, ${nameOfNode('startNode(r)')} AS from, ${nameOfNode('endNode(r)')} AS to, r.score AS score
    ORDER BY type = 'RELATED_TO', type, from LIMIT 1`,
} as const;

/** A shortest path of at most `depth` edges; null where there is none, or the user may not see its ends. */
export async function findPath(
  transaction: Neo4jTransaction,
  ends: readonly [from: string, to: string],
  depth: number,
  userId: string | null,
): Promise<Subgraph | null> {
  const queries = new Neo4jQueries(transaction);
  // Both ends lie in what the user may see, not only what is between them.
  for (const end of ends) if (!(await queries.exists(end, userId))) return null;
  const [from, to] = [await elementOf(transaction, ends[0]), await elementOf(transaction, ends[1])];
  const ids = await shortestPathByFronts(from, to, depth, async (front, limit) => {
    const rows = await transaction.rows<{ id: string; next: string }>(texts.steps, {
      front,
      userId,
      limit: BigInt(limit),
    });
    return rows.map(({ id, next }) => [id, next] as const);
  });
  if (ids === null) return null;
  const edges: GraphEdge[] = [];
  for (const [index, id] of ids.slice(1).entries()) {
    edges.push(...(await edgeBetween(transaction, ids[index] ?? '', id, userId)));
  }
  return { nodes: await nodesOf(transaction, ids), edges, truncated: false };
}

async function elementOf(transaction: Neo4jTransaction, name: string): Promise<string> {
  const { label, key } = parseNodeName(name);
  const text = `MATCH (n:${label} {${keyProperties[label]}: $key}) RETURN elementId(n) AS id`;
  const [row] = await transaction.rows<{ id: string }>(text, { key });
  return row?.id ?? '';
}

async function nodesOf(transaction: Neo4jTransaction, ids: readonly string[]): Promise<GraphNode[]> {
  const rows = await transaction.rows<{ id: string; name: string; properties: Properties }>(texts.nodes, { ids });
  const byId = new Map(rows.map((row) => [row.id, nodeOf(row.name, row.properties)]));
  return ids.map((id) => byId.get(id)).filter((node) => node !== undefined);
}

function nodeOf(name: string, properties: Properties): GraphNode {
  const { label, key }: { label: Label; key: string } = parseNodeName(name);
  if (label === 'AIConversation') return conversationNode(properties);
  if (label !== 'AIAnalysis') return bareNode(label, key);
  return { label, key, properties: fromProperties(names.analysis.definition, properties).document };
}

type EdgeRow = { type: GraphEdge['type']; from: string; to: string; score: number | null };

async function edgeBetween(
  transaction: Neo4jTransaction,
  from: string,
  to: string,
  userId: string | null,
): Promise<GraphEdge[]> {
  const [row] = await transaction.rows<EdgeRow>(texts.edge, { from, to, userId });
  if (row === undefined) return [];
  const { type, score } = row;
  if (type === 'RELATED_TO') return [relationEdge(parseNodeName(row.from).key, parseNodeName(row.to).key, score ?? 0)];
  return [{ type, from: row.from, to: row.to, properties: {} }];
}
