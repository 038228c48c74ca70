/**
 * What of the graph a record makes (A2.5). A conversation and an analysis are nodes with properties; users, sessions,
 * models and skills are bare keys, which exist while an edge of any record names them: so none of them is ever left
 * over, and deleting a record can't take one that another record needs.
 */
import type { EntityName, Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { GraphEdge, GraphNode } from './port.ts';

export type GraphEntity = Extract<EntityName, 'conversation' | 'analysis'>;
export type Label = GraphNode['label'];

/** An edge that a record owns; RELATED_TO is derived and no record's. */
export interface OwnedEdge {
  readonly type: Exclude<GraphEdge['type'], 'RELATED_TO'>;
  readonly from: string;
  readonly to: string;
}

/** The property that is a node's key. */
export const keyProperties: Readonly<Record<Label, string>> = {
  AIUser: 'userId',
  AISession: 'sessionId',
  AIModel: 'modelName',
  Skill: 'name',
  AIConversation: 'conversationId',
  AIAnalysis: 'analysisId',
};

/** `Label:key`, which names a node. */
export function nodeName(label: Label, key: string): string {
  return `${label}:${key}`;
}

/** @throws MindoraError `invalid_request` where it names no node */
export function parseNodeName(name: string): { readonly label: Label; readonly key: string } {
  const colon = name.indexOf(':');
  const label = name.slice(0, colon);
  if (colon < 1 || colon === name.length - 1 || !Object.hasOwn(keyProperties, label)) {
    throw new MindoraError('invalid_request', 'a node is named Label:key');
  }
  return { label: label as Label, key: name.slice(colon + 1) };
}

/** A node that is nothing but its key. */
export function bareNode(label: Label, key: string): GraphNode {
  return { label, key, properties: { [keyProperties[label]]: key } };
}

/** The edges that a record owns, each once. */
export function edgesOf(entity: GraphEntity, document: Row): OwnedEdge[] {
  const edges = entity === 'conversation' ? conversationEdges(document) : analysisEdges(document);
  const named = edges.filter((edge): edge is OwnedEdge => edge !== null);
  return [...new Map(named.map((edge) => [`${edge.type} ${edge.from} ${edge.to}`, edge])).values()];
}

type MaybeEdge = OwnedEdge | null;

function conversationEdges({ conversationId, userId, sessionId, modelName }: Row): MaybeEdge[] {
  return [
    edge('HAS_SESSION', ['AIUser', userId], ['AISession', sessionId]),
    edge('CONTAINS_CONVERSATION', ['AISession', sessionId], ['AIConversation', conversationId]),
    edge('USES_MODEL', ['AIConversation', conversationId], ['AIModel', modelName]),
  ];
}

function analysisEdges({ analysisId, userId, skills }: Row): MaybeEdge[] {
  const known = Array.isArray(skills) ? skills : [];
  return [
    edge('HAS_ANALYSIS', ['AIUser', userId], ['AIAnalysis', analysisId]),
    ...known.map((skill) => edge('HAS_SKILL', ['AIUser', userId], ['Skill', skill])),
  ];
}

type End = readonly [Label, unknown];

/** Null where an end has no key: a record without a model, say, has no such edge. */
function edge(type: OwnedEdge['type'], [fromLabel, fromKey]: End, [toLabel, toKey]: End): MaybeEdge {
  if (typeof fromKey !== 'string' || typeof toKey !== 'string' || fromKey === '' || toKey === '') return null;
  return { type, from: nodeName(fromLabel, fromKey), to: nodeName(toLabel, toKey) };
}
