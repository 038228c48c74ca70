import type { EntityName } from '@mindora/contracts';
import { documentOf } from '@mindora/contracts';
import { pick, type RoleProjections } from './context.ts';

const fieldsOf = (name: EntityName): string[] => Object.keys(documentOf('cache', name).fields);

/** The row itself, for an hour or two (A2.3). */
export const cacheProjections: RoleProjections = {
  conversation: (row) => pick(row, fieldsOf('conversation')),
  analysis: (row) => pick(row, fieldsOf('analysis')),
};
