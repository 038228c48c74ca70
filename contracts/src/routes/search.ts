import { z } from 'zod';
import {
  cursorField,
  jsonObject,
  limitField,
  optional,
  type RouteDefinition,
  success,
  text,
  timeField,
  userIdField,
} from './route.ts';

const searchText = text(1, 10_000);
const owner = { in: 'body', field: 'user_id', optional: true } as const;
const base = { tag: 'search', access: 'authenticated', method: 'POST', status: 200, owner, writes: false } as const;

const semanticBody = z.strictObject({
  query: searchText,
  limit: limitField(10, 200),
  user_id: optional(userIdField),
});

const fullTextBody = z.strictObject({
  query: text(1, 2000).describe('At most 100 words in any language, all of which must be found; quotes make a phrase'),
  user_id: optional(userIdField),
  limit: limitField(10, 200),
  sort: z.enum(['newest', 'relevance']).default('newest'),
  cursor: cursorField,
});

const filterBody = z.strictObject({
  query: jsonObject
    .nullish()
    .transform((filter) => filter ?? {})
    .describe(
      'A filter, default {}: fields (with dots) equal values or {$eq $ne $gt $gte $lt $lte $in $nin $exists $regex ...}',
    ),
  limit: limitField(10, 200),
  user_id: optional(userIdField),
  cursor: cursorField,
});

const hit = z.looseObject({
  score: z.number(),
  highlight: z.record(z.string(), z.string()).describe('Excerpts, found words between <em> and </em>, HTML-escaped'),
  tags: z.array(z.string()),
});

const page = (item: z.ZodType) => success({ results: z.array(item), next: z.string().nullable() });

export const searchRoutes = [
  {
    ...base,
    action: 'vector.conversations',
    path: '/api/v1/ai/search',
    summary: 'Semantic search over conversations',
    requirement: 'A1.3',
    permission: 'ai_access',
    body: semanticBody,
    response: success({
      results: z.array(
        z.looseObject({
          userInput: z.string(),
          aiResponse: z.string(),
          userId: z.string(),
          sessionId: z.string(),
          modelName: z.string(),
          createdAt: timeField,
          conversationId: z.string(),
          score: z.number(),
        }),
      ),
      embedding: z.looseObject({ model: z.string(), kind: z.enum(['lexical', 'endpoint']) }),
    }),
    reads: 'vectors',
    errors: ['embedder_unavailable'],
  },
  {
    ...base,
    action: 'vector.analyses',
    path: '/api/v1/ai/search/analysis/semantic',
    summary: 'Semantic search over analyses',
    requirement: 'A2.4',
    permission: 'data_analyze',
    body: semanticBody,
    response: success({
      results: z.array(z.looseObject({ analysisId: z.string(), score: z.number() })),
      embedding: z.looseObject({ model: z.string(), kind: z.enum(['lexical', 'endpoint']) }),
    }),
    reads: 'vectors',
    errors: ['embedder_unavailable'],
  },
  {
    ...base,
    action: 'search.conversations',
    path: '/api/v1/ai/search/conversations',
    summary: 'Full-text search over conversations',
    requirement: 'A1.6',
    permission: 'ai_access',
    body: fullTextBody,
    response: page(hit),
    reads: 'fulltext',
    errors: ['invalid_cursor'],
  },
  {
    ...base,
    action: 'search.analyses',
    path: '/api/v1/ai/search/analysis',
    summary: 'Full-text search over analyses',
    requirement: 'A1.7',
    permission: 'data_analyze',
    body: fullTextBody.extend({ analysis_type: optional(text(1, 50)) }),
    response: page(hit),
    reads: 'fulltext',
    errors: ['invalid_cursor'],
  },
  {
    ...base,
    action: 'search.conversationDocuments',
    path: '/api/v1/ai/search/conversations/mongodb',
    summary: 'Conversations by a document filter, newest first',
    requirement: 'A1.8',
    permission: 'ai_access',
    body: filterBody,
    response: page(z.looseObject({ _id: z.string() })),
    reads: 'documents',
    errors: ['invalid_filter', 'invalid_cursor'],
  },
  {
    ...base,
    action: 'search.analysisDocuments',
    path: '/api/v1/ai/search/analysis/mongodb',
    summary: 'Analyses by a document filter, newest first',
    requirement: 'A1.8',
    permission: 'data_analyze',
    body: filterBody,
    response: page(z.looseObject({ _id: z.string() })),
    reads: 'documents',
    errors: ['invalid_filter', 'invalid_cursor'],
  },
] as const satisfies readonly RouteDefinition[];
