import { z } from 'zod';
import { jsonField, optional, positionField, type RouteDefinition, success, text, userIdField } from './route.ts';

const settings = {
  user_id: optional(userIdField).describe('Default: the caller'),
  model: optional(text(1, 50)).describe('Default: the configured model, deepseek-chat'),
  max_tokens: optional(z.int().min(1).max(200_000)).describe('Default: 1000'),
  temperature: optional(z.number().min(0).max(2)).describe('Default: 0.7'),
};
const base = {
  tag: 'model',
  access: 'authenticated',
  method: 'POST',
  status: 200,
  requirement: 'A1.12',
  owner: { in: 'body', field: 'user_id', optional: true },
  writes: true,
  asksModel: true,
  errors: ['model_not_configured', 'model_failed', 'ai_disabled', 'user_erased'],
} as const;

export const modelRoutes = [
  {
    ...base,
    action: 'model.chat',
    path: '/api/v1/chat',
    summary: 'Ask a language model; the exchange is stored as a conversation',
    permission: 'ai_access',
    body: z.strictObject({
      message: text(1, 200_000),
      session_id: optional(text(1, 100)).describe('Continue this session: its last exchanges are sent along'),
      ...settings,
    }),
    response: success({
      response: z.string(),
      model: z.string(),
      usage: z.looseObject({
        prompt_tokens: z.int().optional(),
        completion_tokens: z.int().optional(),
        total_tokens: z.int().optional(),
      }),
      conversation_id: z.string(),
      session_id: z.string(),
      position: positionField,
    }),
  },
  {
    ...base,
    action: 'model.analyze',
    path: '/api/v1/analyze',
    summary: 'Analyse a text (a CV: skills, experience in figures, suggestions); the result is stored',
    permission: 'data_analyze',
    body: z.strictObject({
      content: text(1, 200_000),
      analysis_type: text(1, 50)
        .nullish()
        .transform((kind) => kind ?? 'resume')
        .describe('Default: resume'),
      ...settings,
    }),
    response: success({
      analysis_id: z.string(),
      analysis_result: jsonField,
      confidence_score: z.number().nullable(),
      position: positionField,
    }),
  },
] as const satisfies readonly RouteDefinition[];
