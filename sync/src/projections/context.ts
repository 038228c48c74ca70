import type { EntityName, Json, RecordVersion, Row } from '@mindora/contracts';
import { entity } from '@mindora/contracts';

/** What a projection needs besides the row. Pure data: the same row and context always give the same document. */
export interface ProjectionContext {
  /** The embedding of the record's text, where the store needs one ({@link needsEmbedding}). */
  readonly embedding: { readonly id: string; readonly vector: string } | null;
  /** The embedder's model and dimensions, from which ids of embeddings are computed. */
  readonly model: string;
  readonly dimensions: number;
}

/** A record as sync carries it: a change of the bus, or a line of the ledger. `row` null: deleted. */
export interface ProjectedRecord extends RecordVersion {
  readonly row: Row | null;
}

/** A projection of one entity into one store. */
export type Projection = (row: Row, context: ProjectionContext) => Row;

/** The projections of one store, by entity. */
export type RoleProjections = Partial<Record<EntityName, Projection>>;

/** Fixed fields are always present: null where the row has nothing. */
export function pick(row: Row, fields: readonly string[]): Row {
  const picked: Row = {};
  for (const field of fields) picked[field] = row[field] ?? null;
  return picked;
}

/** The text that is embedded for a record, null for entities that are not (A2.14). */
export function embeddedText(name: EntityName, row: Row): string | null {
  return entity(name).embeds?.(row) ?? null;
}

/** Tags of A2.15. */
export function tagsOf(name: 'conversation' | 'analysis', row: Row): Json[] {
  return name === 'conversation' ? ['conversation', 'ai_chat'] : ['analysis', row.analysis_type ?? null];
}

/** Where a document comes from (A2.6, A2.15). */
export function metadataOf(name: 'conversation' | 'analysis', row: Row): Row {
  const source = name === 'conversation' ? 'ai_api' : 'ai_analysis';
  return { source, version: '1.0', tags: tagsOf(name, row) };
}
