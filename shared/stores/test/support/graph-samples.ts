import type { Row } from '@mindora/contracts';
import type { GraphEdge, GraphStore } from '../../src/graph/port.ts';
import { applyAll } from './stores.ts';

/** What somebody does to a graph past the store. */
export interface GraphHands {
  removeEdge(owner: string, type: GraphEdge['type']): Promise<void>;
  /** Of a conversation that needn't be there. */
  addEdge(owner: string, edge: readonly [GraphEdge['type'], string, string], user: string): Promise<void>;
  addRelation(from: string, to: string, model: string): Promise<void>;
  setProperty(id: string, property: string, value: string): Promise<void>;
  /** Takes a conversation's node from what queries see, and leaves its edges. */
  takeNode(id: string): Promise<void>;
  addNode(properties: Readonly<Record<string, string>>): Promise<void>;
}

/** An engine that the graph's queries are tried on. */
export interface GraphWorld {
  readonly hands: GraphHands;
  /** An empty, migrated store. */
  open(): Promise<GraphStore>;
  /** After the last test. */
  remove(): Promise<void>;
}

/** What the cases of one engine hold on to. */
export interface HeldGraph {
  readonly hands: GraphHands;
  readonly store: GraphStore;
}

/** `c1 of u1 in s1 by m1`: a conversation, the later the greater its number. */
export function conversation(id: string, userId: string, sessionId: string, modelName: string): Row {
  const createdAt = `2026-01-${id.slice(1).padStart(2, '0')}T00:00:00.000000Z`;
  return { conversationId: id, userId, sessionId, modelName, userInput: `问 ${id}`, aiResponse: `答 ${id}`, createdAt };
}

export function analysis(id: string, userId: string, skills: string[]): Row {
  return { analysisId: id, userId, analysisType: 'cv', skills, createdAt: '2026-01-01T00:00:00.000000Z' };
}

/** Conversations of version 1, each as `id user session model`. */
export async function applyConversations(store: GraphStore, ...lines: string[]): Promise<void> {
  const documents = lines.map((line) => {
    const [id = '', userId = '', sessionId = '', modelName = ''] = line.split(' ');
    return [id, conversation(id, userId, sessionId, modelName)] as const;
  });
  await applyAll(store, 'conversation', 1, documents);
}
