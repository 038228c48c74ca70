import type { EntityName, Row } from '@mindora/contracts';
import { documentOf } from '@mindora/contracts';
import { embeddingId } from '@mindora/stores/embedder/id';
import { embeddedText, type ProjectionContext, pick, type RoleProjections } from './context.ts';

const fieldsOf = (name: EntityName): string[] => Object.keys(documentOf('relational', name).fields);

/** The id is computed from the text, so the row need not wait for its vector (rule 12). */
function embeddingIdOf(name: EntityName, row: Row, context: ProjectionContext): string {
  return embeddingId(context.model, context.dimensions, embeddedText(name, row) ?? '');
}

/** Structured rows (A2.2). */
export const relationalProjections: RoleProjections = {
  conversation: (row, context) => ({
    ...pick(row, fieldsOf('conversation')),
    conversation_context: row.context ?? null,
    embedding_id: embeddingIdOf('conversation', row, context),
  }),
  analysis: (row, context) => ({
    ...pick(row, fieldsOf('analysis')),
    embedding_id: embeddingIdOf('analysis', row, context),
  }),
  ai_service_config: (row) => pick(row, fieldsOf('ai_service_config')),
  embedding: (row) => pick(row, fieldsOf('embedding')),
};
