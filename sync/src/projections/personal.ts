import type { EntityName } from '@mindora/contracts';
import { documentOf } from '@mindora/contracts';
import { pick, type RoleProjections } from './context.ts';

const fieldsOf = (name: EntityName): string[] => Object.keys(documentOf('personal', name).fields);

/** A user's own content as it is (A2.8). */
export const personalProjections: RoleProjections = {
  conversation: (row) => pick(row, fieldsOf('conversation')),
  analysis: (row) => pick(row, fieldsOf('analysis')),
  profile: (row) => pick(row, fieldsOf('profile')),
  financial_record: (row) => pick(row, fieldsOf('financial_record')),
};
