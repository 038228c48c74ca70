import { z } from 'zod';
import { textLengthMax } from '../entities.ts';
import { batchItemsMax, batchOutcome, recordId } from './conversations.ts';
import {
  cursorField,
  jsonField,
  jsonObject,
  limitField,
  optional,
  positionField,
  type RouteDefinition,
  success,
  text,
  timeField,
  userIdField,
} from './route.ts';

const result = z
  .union([jsonObject, z.array(jsonField)], 'must be a JSON object or array')
  .describe('The result: a JSON object or array');
const score = z.number().min(0).max(1);
const duration = z.int().min(0).max(2_147_483_647).describe('Milliseconds');

export const newAnalysis = z.strictObject({
  analysis_id: optional(recordId).describe('Your own id: sending the same analysis again adds nothing'),
  user_id: userIdField,
  analysis_type: text(1, 50),
  input_content: text(0, textLengthMax),
  analysis_result: result,
  confidence_score: score.nullish(),
  processing_time: duration.nullish(),
});

export const analysisChange = z
  .strictObject({
    analysis_type: text(1, 50),
    input_content: text(0, textLengthMax),
    analysis_result: result,
    confidence_score: score.nullable(),
    processing_time: duration.nullable(),
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'nothing to change');

export const analysisRow = z.looseObject({
  id: z.string(),
  user_id: z.string(),
  analysis_type: z.string(),
  input_content: z.string(),
  analysis_result: jsonField,
  confidence_score: z.number().nullable(),
  processing_time: z.number().nullable(),
  created_at: timeField,
  updated_at: timeField,
});

const analysisParams = z.strictObject({ analysis_id: recordId });
const base = { tag: 'analyses', access: 'authenticated', permission: 'data_analyze' } as const;
const onRecord = ['not_found', 'conflict', 'user_erased'] as const;

export const analysisRoutes = [
  {
    ...base,
    action: 'analysis.create',
    method: 'POST',
    path: '/api/v1/ai/analysis',
    summary: 'Store an analysis',
    requirement: 'A1.2',
    body: newAnalysis,
    response: success({ analysis_id: z.string(), position: positionField }),
    status: 201,
    owner: { in: 'body', field: 'user_id' },
    writes: true,
    errors: ['conflict', 'user_erased'],
  },
  {
    ...base,
    action: 'analysis.createBatch',
    method: 'POST',
    path: '/api/v1/ai/analyses/batch',
    summary: 'Store up to 500 analyses, each by itself',
    requirement: 'A1.2',
    body: z.strictObject({ items: z.array(z.unknown()).min(1).max(batchItemsMax) }),
    response: success({ results: z.array(batchOutcome('analysis_id')), position: positionField }),
    status: 200,
    owner: { in: 'body', field: 'user_id', items: 'items' },
    writes: true,
    errors: [],
  },
  {
    ...base,
    action: 'analysis.get',
    method: 'GET',
    path: '/api/v1/ai/analysis/{analysis_id}',
    summary: 'One analysis, from the cache where it is there',
    requirement: 'A2.3',
    params: analysisParams,
    response: success({ analysis: analysisRow, source: z.enum(['cache', 'primary']) }),
    status: 200,
    writes: false,
    reads: 'cache',
    errors: ['not_found'],
  },
  {
    ...base,
    action: 'analysis.update',
    method: 'PATCH',
    path: '/api/v1/ai/analysis/{analysis_id}',
    summary: 'Change an analysis in every store',
    requirement: 'A4.7',
    params: analysisParams,
    body: analysisChange,
    response: success({ analysis_id: z.string(), analysis: analysisRow, position: positionField }),
    status: 200,
    writes: true,
    errors: onRecord,
  },
  {
    ...base,
    action: 'analysis.remove',
    method: 'DELETE',
    path: '/api/v1/ai/analysis/{analysis_id}',
    summary: 'Delete an analysis from every store',
    requirement: 'A4.7',
    params: analysisParams,
    response: success({ analysis_id: z.string(), position: positionField }),
    status: 200,
    writes: true,
    errors: onRecord,
  },
  {
    ...base,
    action: 'analysis.list',
    method: 'GET',
    path: '/api/v1/ai/analyses/{user_id}',
    summary: "A user's analyses, newest first",
    requirement: 'A1.2',
    params: z.strictObject({ user_id: userIdField }),
    query: z.strictObject({ limit: limitField(50, 200), cursor: cursorField, analysis_type: optional(text(1, 50)) }),
    response: success({ analyses: z.array(analysisRow), next: z.string().nullable() }),
    status: 200,
    owner: { in: 'params', field: 'user_id' },
    writes: false,
    reads: 'relational',
    errors: ['invalid_cursor'],
  },
  {
    ...base,
    action: 'analysis.statistics',
    method: 'GET',
    path: '/api/v1/ai/statistics',
    summary: 'Number and mean confidence of analyses, of one user or of all',
    requirement: 'A1.5',
    query: z.strictObject({ user_id: optional(userIdField) }),
    response: success({
      statistics: z.looseObject({ total_analyses: z.int(), average_confidence: z.number().nullable() }),
    }),
    status: 200,
    owner: { in: 'query', field: 'user_id', optional: true },
    writes: false,
    reads: 'relational',
    errors: [],
  },
] as const satisfies readonly RouteDefinition[];
