import type { EntityName } from '@mindora/contracts';
import { canonicalJson, documentOf } from '@mindora/contracts';
import { metadataOf, pick, type RoleProjections, tagsOf } from './context.ts';

const fieldsOf = (name: EntityName): string[] => Object.keys(documentOf('fulltext', name).fields);

/** Searchable texts with tags (A2.7, A2.15). Analysis results are searched as text, so they are their JSON. */
export const fulltextProjections: RoleProjections = {
  conversation: (row) => ({
    ...pick(row, fieldsOf('conversation')),
    conversation_id: row.id ?? null,
    tags: tagsOf('conversation', row),
    metadata: metadataOf('conversation', row),
  }),
  analysis: (row) => ({
    ...pick(row, fieldsOf('analysis')),
    analysis_id: row.id ?? null,
    analysis_result: canonicalJson(row.analysis_result ?? null),
    tags: tagsOf('analysis', row),
    metadata: metadataOf('analysis', row),
  }),
};
