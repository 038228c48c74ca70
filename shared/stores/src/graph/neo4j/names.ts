/** What nodes and edges are called in Cypher: all of it from definitions, so nothing of a record's is ever in a query. */
import { type DocumentDefinition, documentOf } from '@mindora/contracts';
import type { GraphEntity, Label, OwnedEdge } from '../shape.ts';
import { keyProperties } from '../shape.ts';

/** Longest value that is indexed; the engine's own limit is some 8,000 for all values of one entry. */
export const indexedBytesMax = 4_000;

export const graphEntities: readonly GraphEntity[] = ['conversation', 'analysis'];

/** What is told apart by nothing but its key, in the order in which it is locked. */
export const sharedLabels = ['AIUser', 'AISession', 'Skill', 'AIModel'] as const;
export type SharedLabel = (typeof sharedLabels)[number];

export const ownedTypes = ['HAS_SESSION', 'CONTAINS_CONVERSATION', 'USES_MODEL', 'HAS_ANALYSIS', 'HAS_SKILL'] as const;

/** An entity in the graph. */
export interface EntityNames {
  readonly entity: GraphEntity;
  readonly definition: DocumentDefinition;
  readonly label: Label;
  /** The property with the record's id. */
  readonly key: string;
  /** The edges that a record owns and that don't touch its node. */
  readonly distant: OwnedEdge['type'];
}

function namesOf(entity: GraphEntity, label: Label, distant: OwnedEdge['type']): EntityNames {
  const definition = documentOf('graph', entity);
  return { entity, definition, label, key: definition.key, distant };
}

export const names: Readonly<Record<GraphEntity, EntityNames>> = {
  conversation: namesOf('conversation', 'AIConversation', 'HAS_SESSION'),
  analysis: namesOf('analysis', 'AIAnalysis', 'HAS_SKILL'),
};

/** The name of a record in what sync notes: unlike an id it tells the entity, too. */
export function recordKey(entity: GraphEntity, id: string): string {
  return `${entity}:${id}`;
}

/** The id in a {@link recordKey}. */
export function idOfKey(entity: GraphEntity, key: string): string {
  return key.slice(entity.length + 1);
}

export function isGraphEntity(entity: string): entity is GraphEntity {
  return (graphEntities as readonly string[]).includes(entity);
}

/** The key of whatever node it is: those of records come first, for they hold the keys of others, too. */
const anyKey = [...graphEntities.map((entity) => names[entity].key), ...sharedLabels.map((one) => keyProperties[one])];

/**
 * An expression for `Label:key` of a node; null of a node that isn't ours. Short, because statements are made of many
 * of these, and a server plans a statement anew whenever its data has grown.
 */
export function nameOfNode(node: string): string {
  const key = anyKey.map((property) => `${node}.${property}`).join(', ');
  return `[l IN labels(${node}) WHERE NOT l STARTS WITH '_'][0] + ':' + toStringOrNull(coalesce(${key}))`;
}
