import type { EntityName } from '@mindora/contracts';
import { documentOf } from '@mindora/contracts';
import { metadataOf, pick, type RoleProjections } from './context.ts';

const fieldsOf = (name: EntityName): string[] => Object.keys(documentOf('documents', name).fields);

/** Documents with their origin (A2.6, A2.15). */
export const documentProjections: RoleProjections = {
  conversation: (row) => ({
    ...pick(row, fieldsOf('conversation')),
    conversation_id: row.id ?? null,
    metadata: metadataOf('conversation', row),
  }),
  analysis: (row) => ({
    ...pick(row, fieldsOf('analysis')),
    analysis_id: row.id ?? null,
    metadata: metadataOf('analysis', row),
  }),
  profile: (row) => pick(row, fieldsOf('profile')),
  ai_service_config: (row) => pick(row, fieldsOf('ai_service_config')),
};
