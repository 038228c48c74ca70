/** The queries of the graph. All are bounded: by their limit, and where they fan out by the bounds below. */
import type { Row } from '@mindora/contracts';
import { type Connection, Statements } from '../embedded/index.ts';
import { shortestPath } from './paths.ts';
import type { GraphEdge, GraphNode, Relation, Subgraph } from './port.ts';
import { bareNode, nodeName, parseNodeName } from './shape.ts';
import { Similarity, type SimilarUser } from './similar.ts';
import type { GraphTables } from './tables.ts';

/** A user's newest conversations that relations are followed from. */
const ownMax = 1_000;
/** Models and skills of a user that are compared, and users of each of them that are looked at. */
const sharedMax = 200;
const usersOfOneMax = 1_000;

/** Both directions of RELATED_TO: who is near is near whoever was written first. */
const relatedToOwn = `WITH own AS (
    SELECT conversationId AS id FROM AIConversation WHERE userId = ? ORDER BY createdAt DESC, conversationId DESC LIMIT ?),
  near AS (
    SELECT to_id AS id, score FROM related_to WHERE from_id IN (SELECT id FROM own)
    UNION ALL SELECT from_id, score FROM related_to WHERE to_id IN (SELECT id FROM own))
  SELECT conversationId AS id, AIConversation.userId AS user, max(score) AS score
  FROM near JOIN AIConversation ON conversationId = near.id
  WHERE AIConversation.userId <> ? GROUP BY conversationId ORDER BY score DESC, id LIMIT ?`;

const texts = {
  relatedToOwn,
  edgesFrom:
    'SELECT DISTINCT type, from_node AS "from", to_node AS "to" FROM edges WHERE from_node = ? AND user_id = ?',
  ownedEdges: `SELECT type, from_node AS "from", to_node AS "to" FROM edges
    WHERE owner_entity = 'conversation' AND owner_id = ? ORDER BY type`,
  relations: `SELECT to_id AS "to", score FROM related_to WHERE from_id = ? ORDER BY score DESC, to_id LIMIT ?`,
  edgesBetween: `SELECT DISTINCT type, from_node AS "from", to_node AS "to" FROM edges
    WHERE (from_node = :from AND to_node = :to OR from_node = :to AND to_node = :from) AND (:user IS NULL OR user_id = :user)
    ORDER BY type LIMIT 1`,
  relationsBetween: `SELECT from_id AS "from", to_id AS "to", score, model FROM related_to
    WHERE (from_id = :from AND to_id = :to) OR (from_id = :to AND to_id = :from) ORDER BY from_id LIMIT 1`,
  neighbours: `SELECT to_node FROM edges WHERE from_node = :node AND (:user IS NULL OR user_id = :user)
    UNION SELECT from_node FROM edges WHERE to_node = :node AND (:user IS NULL OR user_id = :user) LIMIT :limit`,
  nearConversations: `SELECT conversationId FROM (
      SELECT to_id AS id FROM related_to WHERE from_id = :id UNION SELECT from_id FROM related_to WHERE to_id = :id)
    JOIN AIConversation ON conversationId = id WHERE :user IS NULL OR userId = :user LIMIT :limit`,
  modelsOf: `SELECT DISTINCT 'AIModel:' || modelName FROM AIConversation WHERE userId = ? AND modelName <> '' LIMIT ?`,
  skillsOf: `SELECT DISTINCT to_node FROM edges WHERE from_node = ? AND type = 'HAS_SKILL' ORDER BY to_node LIMIT ?`,
  // One step in the index from each user to the next, for a model may have a million conversations and few users.
  usersOf: `WITH RECURSIVE users (user) AS (
      SELECT min(user_id) FROM edges WHERE to_node = :node
      UNION ALL
      SELECT (SELECT min(user_id) FROM edges WHERE to_node = :node AND user_id > user) FROM users WHERE user IS NOT NULL
      LIMIT :limit)
    SELECT user FROM users WHERE user IS NOT NULL`,
  // The range holds all names of skills: ';' follows ':'.
  skills: `SELECT substr(to_node, 7) AS skill, count(DISTINCT user_id) AS users FROM edges
    WHERE to_node >= 'Skill:' AND to_node < 'Skill;' GROUP BY to_node ORDER BY users DESC, skill LIMIT ?`,
  ownSkills: `SELECT substr(to_node, 7) AS skill, count(DISTINCT user_id) AS users FROM edges
    WHERE to_node IN (SELECT to_node FROM edges WHERE from_node = ? AND type = 'HAS_SKILL')
    GROUP BY to_node ORDER BY users DESC, skill LIMIT ?`,
  unrelate: 'DELETE FROM related_to WHERE from_id = ?',
  relate: `INSERT INTO related_to (from_id, to_id, model, score) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET score = max(score, excluded.score)`,
  dead: `SELECT from_id, to_id FROM related_to WHERE model <> ?
      OR from_id NOT IN (SELECT conversationId FROM AIConversation)
      OR to_id NOT IN (SELECT conversationId FROM AIConversation)
    ORDER BY from_id, to_id LIMIT ?`,
  removeRelation: 'DELETE FROM related_to WHERE from_id = ? AND to_id = ?',
} as const;

type Value = string | number | null;
/** Values in order, or by name. */
type Bound = Value | Readonly<Record<string, Value>>;
type Ends = { readonly type: GraphEdge['type']; readonly from: string; readonly to: string };

export class GraphReader {
  readonly #statements: Statements;
  readonly #tables: GraphTables;

  constructor(connection: Connection, tables: GraphTables) {
    this.#statements = new Statements(connection);
    this.#tables = tables;
  }

  user(userId: string, limit: number): Subgraph {
    const newest = this.#conversations('userId = ?', [userId], 'createdAt DESC, conversationId DESC', limit + 1);
    const shown = newest.slice(0, limit);
    const skills = this.#rows<Ends>(texts.edgesFrom, nodeName('AIUser', userId), userId).filter(isSkill);
    const owned = shown.flatMap(({ key }) => this.#rows<Ends>(texts.ownedEdges, key));
    const edges = distinct([...owned, ...skills.slice(0, limit)].map(plainEdge));
    const names = new Set(edges.flatMap(({ from, to }) => [from, to]));
    // Whose analyses show no skills has no edge in the answer.
    if (this.#exists(nodeName('AIUser', userId), userId)) names.add(nodeName('AIUser', userId));
    for (const { key } of shown) names.add(nodeName('AIConversation', key));
    const truncated = newest.length > limit || skills.length > limit;
    return { nodes: this.#nodes(names), edges: [...edges, ...this.#relationsAmong(shown, limit)], truncated };
  }

  chain(sessionId: string, limit: number, userId: string | null): GraphNode[] {
    const order = 'createdAt, conversationId';
    if (userId === null) return this.#conversations('sessionId = ?', [sessionId], order, limit);
    return this.#conversations('sessionId = ? AND userId = ?', [sessionId, userId], order, limit);
  }

  related(conversationId: string, limit: number, userId: string | null): (Relation & { node: GraphNode })[] {
    const table = this.#tables.nodes('conversation');
    const start = table.read(conversationId);
    if (start === null || (userId !== null && start.document.userId !== userId)) return [];
    const sql = `SELECT ${table.columns}, score FROM related_to JOIN ${table.name} ON conversationId = to_id
      WHERE from_id = :id AND (:user IS NULL OR userId = :user) ORDER BY score DESC, to_id LIMIT :limit`;
    return this.#rows<{ score: number }>(sql, { id: conversationId, user: userId, limit }).map((row) => {
      const node = this.#conversationNode(row);
      return { id: node.key, score: row.score, node };
    });
  }

  path(from: string, to: string, depth: number, userId: string | null): Subgraph | null {
    // Both ends lie in what the user may see, not only what is between them.
    if (!this.#exists(from, userId) || !this.#exists(to, userId)) return null;
    const names = shortestPath(from, to, depth, (node, limit) => this.#neighbours(node, userId, limit));
    if (names === null) return null;
    const edges = names.slice(1).flatMap((name, index) => this.#edgeBetween(names[index] ?? '', name, userId));
    return { nodes: this.#nodes(names), edges, truncated: false };
  }

  similarUsers(userId: string, limit: number): SimilarUser[] {
    const similarity = new Similarity();
    for (const name of this.#sharable(userId)) {
      similarity.addShared(name, this.#values<string>(texts.usersOf, { node: name, limit: usersOfOneMax }), userId);
    }
    for (const { id, user, score } of this.#relatedToOwn(userId, ownMax)) {
      if (score > 0) similarity.add(user, nodeName('AIConversation', id), score);
    }
    return similarity.best(limit);
  }

  skills(userId: string | null, limit: number): { skill: string; users: number }[] {
    if (userId === null) return this.#rows(texts.skills, limit);
    return this.#rows(texts.ownSkills, nodeName('AIUser', userId), limit);
  }

  relate(conversationId: string, model: string, relations: readonly Relation[]): void {
    const table = this.#tables.nodes('conversation');
    this.#statements.get(texts.unrelate).run(conversationId);
    if (table.rowid(conversationId) === null) return;
    for (const { id, score } of relations) {
      if (id === conversationId || table.rowid(id) === null) continue;
      this.#statements.get(texts.relate).run(conversationId, id, model, score);
    }
  }

  deadRelations(model: string, limit: number): [string, string][] {
    return this.#statements.get(texts.dead).raw().all(model, limit) as [string, string][];
  }

  removeRelations(pairs: readonly [string, string][]): void {
    for (const [from, to] of pairs) this.#statements.get(texts.removeRelation).run(from, to);
  }

  #sharable(userId: string): string[] {
    const models = this.#values<string>(texts.modelsOf, userId, sharedMax);
    return [...models, ...this.#values<string>(texts.skillsOf, nodeName('AIUser', userId), sharedMax)];
  }

  #relatedToOwn(userId: string, limit: number): { id: string; user: string; score: number }[] {
    return this.#rows(texts.relatedToOwn, userId, ownMax, userId, limit);
  }

  #relationsAmong(conversations: readonly GraphNode[], limit: number): GraphEdge[] {
    const shown = new Set(conversations.map(({ key }) => key));
    return conversations.flatMap(({ key }) =>
      this.#rows<{ to: string; score: number }>(texts.relations, key, limit)
        .filter(({ to }) => shown.has(to))
        .map(({ to, score }) => relationEdge(key, to, score)),
    );
  }

  #neighbours(name: string, userId: string | null, limit: number): string[] {
    const names = this.#values<string>(texts.neighbours, { node: name, user: userId, limit });
    const { label, key } = parseNodeName(name);
    if (label !== 'AIConversation') return names;
    const near = this.#values<string>(texts.nearConversations, { id: key, user: userId, limit });
    return [...names, ...near.map((id) => nodeName('AIConversation', id))].slice(0, limit);
  }

  #edgeBetween(from: string, to: string, userId: string | null): GraphEdge[] {
    const [edge] = this.#rows<Ends>(texts.edgesBetween, { from, to, user: userId });
    if (edge !== undefined) return [plainEdge(edge)];
    const ends = { from: parseNodeName(from).key, to: parseNodeName(to).key };
    const relations = this.#rows<{ from: string; to: string; score: number }>(texts.relationsBetween, ends);
    return relations.map((relation) => relationEdge(relation.from, relation.to, relation.score));
  }

  #exists(name: string, userId: string | null): boolean {
    return this.#values(texts.neighbours, { node: name, user: userId, limit: 1 }).length > 0;
  }

  #conversations(where: string, bound: readonly string[], order: string, limit: number): GraphNode[] {
    const table = this.#tables.nodes('conversation');
    const sql = `SELECT ${table.columns} FROM ${table.name} WHERE ${where} ORDER BY ${order} LIMIT ?`;
    return this.#rows(sql, ...bound, limit).map((row) => this.#conversationNode(row));
  }

  #conversationNode(row: unknown): GraphNode {
    const { id, document } = this.#tables.nodes('conversation').found(row);
    return { label: 'AIConversation', key: id, properties: document };
  }

  #nodes(names: Iterable<string>): GraphNode[] {
    return Array.from(names, (name) => {
      const { label, key } = parseNodeName(name);
      const properties = this.#properties(label, key);
      return properties === null ? bareNode(label, key) : { label, key, properties };
    });
  }

  #properties(label: GraphNode['label'], key: string): Row | null {
    if (label === 'AIConversation') return this.#tables.nodes('conversation').read(key)?.document ?? null;
    if (label === 'AIAnalysis') return this.#tables.nodes('analysis').read(key)?.document ?? null;
    return null;
  }

  #rows<T>(sql: string, ...bound: readonly Bound[]): T[] {
    return this.#statements.get(sql).all(...bound) as T[];
  }

  #values<T>(sql: string, ...bound: readonly Bound[]): T[] {
    return this.#statements
      .get(sql)
      .pluck()
      .all(...bound) as T[];
  }
}

function isSkill({ type }: Ends): boolean {
  return type === 'HAS_SKILL';
}

function plainEdge({ type, from, to }: Ends): GraphEdge {
  return { type, from, to, properties: {} };
}

function relationEdge(from: string, to: string, score: number): GraphEdge {
  const ends = { from: nodeName('AIConversation', from), to: nodeName('AIConversation', to) };
  return { type: 'RELATED_TO', ...ends, properties: { score } };
}

function distinct(edges: readonly GraphEdge[]): GraphEdge[] {
  return [...new Map(edges.map((edge) => [`${edge.type} ${edge.from} ${edge.to}`, edge])).values()];
}
