import type { Row } from '@mindora/contracts';
import type { Target } from '../port.ts';

export interface GraphNode {
  readonly label: 'AIUser' | 'AISession' | 'AIConversation' | 'AIModel' | 'AIAnalysis' | 'Skill';
  readonly key: string;
  readonly properties: Row;
}

export interface GraphEdge {
  readonly type: 'HAS_SESSION' | 'CONTAINS_CONVERSATION' | 'USES_MODEL' | 'RELATED_TO' | 'HAS_ANALYSIS' | 'HAS_SKILL';
  readonly from: string;
  readonly to: string;
  readonly properties: Row;
}

export interface Subgraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  /** There was more than the limit. */
  readonly truncated: boolean;
}

export interface Relation {
  readonly id: string;
  /** Cosine similarity. */
  readonly score: number;
}

/** The graph (A2.5). A `Label:key` string names a node in edges and paths. */
export interface GraphQueries {
  /** Sessions, conversations, models and skills around a user; newest conversations first, at most `limit` of them. */
  user(userId: string, limit: number): Promise<Subgraph>;
  /** A session's conversations in order of time. */
  chain(sessionId: string, limit: number, userId: string | null): Promise<GraphNode[]>;
  /** Conversations that RELATED_TO leads to, best first; only those of one user where given. */
  related(conversationId: string, limit: number, userId: string | null): Promise<(Relation & { node: GraphNode })[]>;
  /** A shortest path over any edges, at most `depth` (1-6) long; null where there is none. */
  path(from: string, to: string, depth: number, userId: string | null): Promise<Subgraph | null>;
  /** Users who share models, skills or related conversations with a user, with what they share. */
  similarUsers(userId: string, limit: number): Promise<{ userId: string; shared: string[]; score: number }[]>;
  /** Skills with the number of users who have them. */
  skills(userId: string | null, limit: number): Promise<{ skill: string; users: number }[]>;
  /**
   * Replaces the RELATED_TO edges that start at a conversation. Edges whose ends don't live are left out; they go
   * with either end. Derived by nearest neighbours under `model` (rule 12).
   */
  relate(conversationId: string, model: string, relations: readonly Relation[]): Promise<void>;
  /** RELATED_TO edges whose end is gone or whose model is another one: [from, to] pairs, at most `limit`. */
  deadRelations(model: string, limit: number): Promise<[string, string][]>;
  removeRelations(pairs: readonly [string, string][]): Promise<void>;
}

export type GraphStore = Target & GraphQueries;
