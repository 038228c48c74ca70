/**
 * The queries of the graph in Cypher, with the bounds of the embedded engine. Only edges that a record owns are
 * followed (`_owner`), and of one user only those of its own records (`_user`).
 */
import { compareKeys } from '@mindora/contracts';
import type { GraphEdge, GraphNode, Relation, Subgraph } from '../port.ts';
import { bareNode, keyProperties, nodeName, parseNodeName } from '../shape.ts';
import { Similarity, type SimilarUser } from '../similar.ts';
import type { Neo4jTransaction } from './connection.ts';
import { nameOfNode, names, ownedTypes } from './names.ts';
import { fromProperties, type Properties } from './values.ts';

/** A user's newest conversations that relations are followed from. */
const ownMax = 1_000;
/** Models and skills of a user that are compared, users of each of them, and edges of each that are looked at. */
const sharedMax = 200;
const usersOfOneMax = 1_000;
const edgesOfOneMax = 20_000;

const owned = ownedTypes.join('|');
const newest = 'n.userId DESC, n._at DESC, n.conversationId DESC';
const ofUser = `MATCH (n:AIConversation) WHERE n.userId = $userId AND n._at >= '' WITH n ORDER BY ${newest} LIMIT $limit`;

const texts = {
  newest: `${ofUser} RETURN properties(n) AS properties`,
  edgesOfShown: `UNWIND $ids AS id MATCH (n:AIConversation {conversationId: id})
    CALL (n, id) {
      MATCH (n)-[r:CONTAINS_CONVERSATION|USES_MODEL]-() WHERE r._owner = 'conversation:' + id RETURN r
      UNION MATCH ()-[r:HAS_SESSION]->() WHERE r._owner = 'conversation:' + id RETURN r
    }
    RETURN DISTINCT type(r) AS type, ${nameOfNode('startNode(r)')} AS from, ${nameOfNode('endNode(r)')} AS to`,
  skillsOfUser: `MATCH (:AIUser {userId: $userId})-[r:HAS_SKILL]->(s:Skill) WHERE r._user = $userId
    RETURN DISTINCT s.name AS skill ORDER BY skill LIMIT $limit`,
  relationsAmong: `UNWIND $ids AS id MATCH (n:AIConversation {conversationId: id})
    CALL (n) { MATCH (n)-[r:RELATED_TO]->(m:AIConversation) RETURN m.conversationId AS to, r.score AS score
      ORDER BY score DESC, to LIMIT $limit }
    WITH id, to, score WHERE to IN $ids RETURN id AS from, to, score`,
  chain: `MATCH (n:AIConversation) WHERE n.sessionId = $sessionId AND n._at >= ''
      AND ($userId IS NULL OR n.userId = $userId)
    WITH n ORDER BY n.sessionId, n._at, n.conversationId LIMIT $limit RETURN properties(n) AS properties`,
  related: `MATCH (a:AIConversation {conversationId: $id}) WHERE $userId IS NULL OR a.userId = $userId
    MATCH (a)-[r:RELATED_TO]->(n:AIConversation) WHERE $userId IS NULL OR n.userId = $userId
    WITH n, r.score AS score ORDER BY score DESC, n.conversationId LIMIT $limit
    RETURN score, properties(n) AS properties`,
  models: `MATCH (n:AIConversation) WHERE n.userId = $userId AND n.modelName <> ''
    RETURN DISTINCT 'AIModel:' + n.modelName AS name LIMIT $limit`,
  relatedToOwn: `CALL () { ${ofUser.replace('$limit', '$ownMax')} RETURN n }
    MATCH (n)-[r:RELATED_TO]-(m:AIConversation) WHERE m.userId <> $userId
    RETURN m.conversationId AS id, m.userId AS user, max(r.score) AS score ORDER BY score DESC, id LIMIT $limit`,
  skills: `MATCH (s:Skill)<-[r:HAS_SKILL]-() WHERE r._user IS NOT NULL
    RETURN s.name AS skill, count(DISTINCT r._user) AS users ORDER BY users DESC, skill LIMIT $limit`,
  ownSkills: `MATCH (:AIUser {userId: $userId})-[o:HAS_SKILL]->(s:Skill) WHERE o._user = $userId WITH DISTINCT s
    MATCH (s)<-[r:HAS_SKILL]-() WHERE r._user IS NOT NULL
    RETURN s.name AS skill, count(DISTINCT r._user) AS users ORDER BY users DESC, skill LIMIT $limit`,
} as const;

interface Ends {
  readonly type: GraphEdge['type'];
  readonly from: string;
  readonly to: string;
}

/** Queries in one transaction. */
export class Neo4jQueries {
  readonly #transaction: Neo4jTransaction;

  constructor(transaction: Neo4jTransaction) {
    this.#transaction = transaction;
  }

  async user(userId: string, limit: number): Promise<Subgraph> {
    const found = await this.#conversations(texts.newest, { userId, limit: BigInt(limit + 1) });
    const shown = found.slice(0, limit);
    const ids = shown.map(({ key }) => key);
    const skills = await this.#rows<{ skill: string }>(texts.skillsOfUser, { userId, limit: BigInt(limit + 1) });
    const edges = [
      ...(await this.#edgesOfShown(ids)),
      ...skills.slice(0, limit).map((row) => skillEdge(userId, row.skill)),
    ];
    const relations = await this.#relationsAmong(ids, limit);
    const listed = new Set(edges.flatMap(({ from, to }) => [from, to]));
    // Whose analyses show no skills has no edge in the answer.
    if (await this.exists(nodeName('AIUser', userId), userId)) listed.add(nodeName('AIUser', userId));
    const byName = new Map(shown.map((node) => [nodeName(node.label, node.key), node]));
    for (const name of byName.keys()) listed.add(name);
    const nodes = Array.from(listed, (name) => byName.get(name) ?? bareOf(name));
    return { nodes, edges: [...edges, ...relations], truncated: found.length > limit || skills.length > limit };
  }

  chain(sessionId: string, limit: number, userId: string | null): Promise<GraphNode[]> {
    return this.#conversations(texts.chain, { sessionId, userId, limit: BigInt(limit) });
  }

  async related(id: string, limit: number, userId: string | null): Promise<(Relation & { node: GraphNode })[]> {
    const rows = await this.#rows<{ score: number; properties: Properties }>(texts.related, {
      id,
      userId,
      limit: BigInt(limit),
    });
    return rows.map(({ score, properties }) => {
      const node = conversationNode(properties);
      return { id: node.key, score, node };
    });
  }

  async similarUsers(userId: string, limit: number): Promise<SimilarUser[]> {
    const similarity = new Similarity();
    const bounds = { userId, limit: BigInt(sharedMax) };
    const models = await this.#rows<{ name: string }>(texts.models, bounds);
    const skills = await this.#rows<{ skill: string }>(texts.skillsOfUser, bounds);
    const shared = [...models.map(({ name }) => name), ...skills.map(({ skill }) => nodeName('Skill', skill))];
    const users = await this.#usersOf(shared);
    for (const name of shared) similarity.addShared(name, users.get(name) ?? [], userId);
    const near = await this.#rows<{ id: string; user: string; score: number }>(texts.relatedToOwn, {
      userId,
      ownMax: BigInt(ownMax),
      limit: BigInt(ownMax),
    });
    for (const { id, user, score } of near) if (score > 0) similarity.add(user, nodeName('AIConversation', id), score);
    return similarity.best(limit);
  }

  async skills(userId: string | null, limit: number): Promise<{ skill: string; users: number }[]> {
    const text = userId === null ? texts.skills : texts.ownSkills;
    const rows = await this.#rows<{ skill: string; users: bigint }>(text, { userId, limit: BigInt(limit) });
    return rows.map(({ skill, users }) => ({ skill, users: Number(users) }));
  }

  /** Whether an edge of a record, of the user where one is given, names a node. */
  async exists(name: string, userId: string | null): Promise<boolean> {
    const { label, key } = parseNodeName(name);
    const text = `MATCH (n:${label} {${keyProperties[label]}: $key}) WHERE EXISTS { MATCH (n)-[r:${owned}]-()
      WHERE r._owner IS NOT NULL AND ($userId IS NULL OR r._user = $userId) } RETURN 1 AS one`;
    return (await this.#rows(text, { key, userId })).length > 0;
  }

  async #usersOf(shared: readonly string[]): Promise<Map<string, string[]>> {
    const users = new Map<string, string[]>();
    for (const [label, type] of [
      ['AIModel', 'USES_MODEL'],
      ['Skill', 'HAS_SKILL'],
    ] as const) {
      const text = `UNWIND $keys AS key MATCH (n:${label} {${keyProperties[label]}: key})
        CALL (n) { MATCH (n)<-[r:${type}]-() WITH r LIMIT $edges WITH DISTINCT r._user AS user WHERE user IS NOT NULL
          RETURN collect(user)[..$users] AS users }
        RETURN '${label}:' + key AS name, users`;
      const keys = shared.filter((name) => name.startsWith(`${label}:`)).map((name) => parseNodeName(name).key);
      const bounds = { keys, edges: BigInt(edgesOfOneMax), users: BigInt(usersOfOneMax) };
      for (const row of await this.#rows<{ name: string; users: string[] }>(text, bounds))
        users.set(row.name, row.users);
    }
    return users;
  }

  async #edgesOfShown(ids: readonly string[]): Promise<GraphEdge[]> {
    const edges = await this.#rows<Ends>(texts.edgesOfShown, { ids });
    const distinct = new Map(edges.map((edge) => [`${edge.type} ${edge.from} ${edge.to}`, edge]));
    return [...distinct.values()].map(({ type, from, to }) => ({ type, from, to, properties: {} }));
  }

  async #relationsAmong(ids: readonly string[], limit: number): Promise<GraphEdge[]> {
    const rows = await this.#rows<{ from: string; to: string; score: number }>(texts.relationsAmong, {
      ids,
      limit: BigInt(limit),
    });
    const order = new Map(ids.map((id, index) => [id, index]));
    const place = (id: string): number => order.get(id) ?? 0;
    const sorted = rows.sort((a, b) => place(a.from) - place(b.from) || b.score - a.score || compareKeys(a.to, b.to));
    return sorted.map(({ from, to, score }) => relationEdge(from, to, score));
  }

  async #conversations(text: string, parameters: Record<string, unknown>): Promise<GraphNode[]> {
    const rows = await this.#rows<{ properties: Properties }>(text, parameters);
    return rows.map(({ properties }) => conversationNode(properties));
  }

  #rows<T>(text: string, parameters: Record<string, unknown>): Promise<T[]> {
    return this.#transaction.rows(text, parameters);
  }
}

/** A conversation as the queries give it. */
export function conversationNode(properties: Properties): GraphNode {
  const { id, document } = fromProperties(names.conversation.definition, properties);
  return { label: 'AIConversation', key: id, properties: document };
}

export function relationEdge(from: string, to: string, score: number): GraphEdge {
  const ends = { from: nodeName('AIConversation', from), to: nodeName('AIConversation', to) };
  return { type: 'RELATED_TO', ...ends, properties: { score } };
}

function skillEdge(userId: string, skill: string): GraphEdge {
  return { type: 'HAS_SKILL', from: nodeName('AIUser', userId), to: nodeName('Skill', skill), properties: {} };
}

function bareOf(name: string): GraphNode {
  const { label, key } = parseNodeName(name);
  return bareNode(label, key);
}
