/** Records of an earlier system, taken over as they were there: with their ids and their times (A5.3). */
import { z } from 'zod';
import { type EntityName, entity } from '../entities.ts';
import { columnSchema, createSchema, writeOnly } from './admin.ts';
import { newAnalysis } from './analyses.ts';
import { batchItemsMax, newConversation, recordId } from './conversations.ts';
import { positionField, type RouteDefinition, success, text } from './route.ts';

/** What an earlier system may have had records of. */
export const adoptableEntities = [
  'user',
  'permission',
  'role_permission',
  'system_config',
  'ai_service_config',
  'financial_record',
  'conversation',
  'analysis',
] as const satisfies readonly EntityName[];
export type AdoptableEntity = (typeof adoptableEntities)[number];

const withoutId: Partial<Record<EntityName, z.ZodObject>> = {
  conversation: newConversation.omit({ conversation_id: true }),
  analysis: newAnalysis.omit({ analysis_id: true }),
};

/**
 * A record as its own route takes it, with its id, and with the times that a service sets else. Secrets are not taken
 * over: they were made with another system's keys.
 */
export function adoptionSchema(name: AdoptableEntity): z.ZodObject {
  const shape: Record<string, z.ZodType> = { ...(withoutId[name] ?? createSchema(name)).shape };
  const { columns, key } = entity(name);
  const secret = writeOnly[name];
  if (secret !== undefined) delete shape[secret.field];
  for (const [field, column] of Object.entries(columns)) {
    if (column.managed === true) shape[field] = columnSchema(column).optional();
  }
  shape[key] = key === 'id' ? recordId : (shape[key] ?? recordId);
  return z.strictObject(shape);
}

/** What became of one record. */
export const adoptionOutcomes = ['inserted', 'unchanged', 'different', 'refused'] as const;

const result = z.looseObject({
  index: z.int(),
  id: z.string().optional(),
  outcome: z.enum(adoptionOutcomes).describe('`different`: it is there with other content, which stands'),
  fields: z.array(z.string()).optional().describe('In which it differs'),
  problem: z.looseObject({ code: z.string(), detail: z.string() }).optional(),
});

export const adoptionRoute = {
  action: 'config.adopt',
  method: 'POST',
  path: '/api/v1/admin/adopt',
  summary: `Take over up to ${batchItemsMax} records of an earlier system with their ids and times; administrators only`,
  requirement: 'A5.3',
  tag: 'admin',
  access: 'authenticated',
  permission: 'system_config',
  body: z.strictObject({
    entity: z.enum(adoptableEntities),
    items: z.array(z.unknown()).min(1).max(batchItemsMax),
    dry_run: z.boolean().default(false).describe('Tells what would become of them, and stores nothing'),
    permissions: z
      .array(text(1, 50))
      .max(batchItemsMax)
      .default([])
      .describe('With dry_run: codes of permissions that would be there by then'),
  }),
  response: success({ results: z.array(result), position: positionField }),
  status: 200,
  writes: true,
  changesAccess: true,
  errors: [],
} as const satisfies RouteDefinition;
