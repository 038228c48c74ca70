import { z } from 'zod';
import { textLengthMax } from '../entities.ts';
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

export const recordId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,36}$/, 'must be 1 to 36 letters, digits, - and _')
  .describe('Letters, digits, - and _, at most 36; the server makes a UUID version 7');

export const newConversation = z.strictObject({
  conversation_id: optional(recordId).describe('Your own id: sending the same exchange again adds nothing'),
  user_id: userIdField,
  session_id: text(1, 100),
  user_input: text(0, textLengthMax),
  ai_response: text(0, textLengthMax),
  model_name: text(1, 50),
  context: jsonObject.nullish().describe('Anything else about the exchange'),
});

export const conversationChange = z
  .strictObject({
    session_id: text(1, 100),
    user_input: text(0, textLengthMax),
    ai_response: text(0, textLengthMax),
    model_name: text(1, 50),
    context: jsonObject.nullable(),
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'nothing to change');

export const conversationRow = z.looseObject({
  id: z.string(),
  user_id: z.string(),
  session_id: z.string(),
  user_input: z.string(),
  ai_response: z.string(),
  model_name: z.string(),
  context: jsonField.nullable(),
  created_at: timeField,
  updated_at: timeField,
});

export const historyItem = z.looseObject({
  id: z.string(),
  session_id: z.string(),
  user_input: z.string(),
  ai_response: z.string(),
  model_name: z.string(),
  created_at: timeField,
});

/** One outcome of a batch: the id, or the problem of that item. */
export function batchOutcome<K extends string>(idField: K) {
  return z.looseObject({
    index: z.int(),
    [idField]: z.string().optional(),
    status: z.enum(['success', 'error']),
    problem: z.looseObject({ code: z.string(), detail: z.string() }).optional(),
  });
}

export const batchItemsMax = 500;

const conversationParams = z.strictObject({ conversation_id: recordId });
const base = { tag: 'conversations', access: 'authenticated', permission: 'ai_access' } as const;
const onRecord = ['not_found', 'conflict', 'user_erased'] as const;

export const conversationRoutes = [
  {
    ...base,
    action: 'conversation.create',
    method: 'POST',
    path: '/api/v1/ai/conversation',
    summary: 'Store one exchange',
    requirement: 'A1.1',
    body: newConversation,
    response: success({ conversation_id: z.string(), position: positionField }),
    status: 201,
    owner: { in: 'body', field: 'user_id' },
    writes: true,
    errors: ['conflict', 'user_erased'],
  },
  {
    ...base,
    action: 'conversation.createBatch',
    method: 'POST',
    path: '/api/v1/ai/conversations/batch',
    summary: 'Store up to 500 exchanges, each by itself',
    requirement: 'A1.1',
    body: z.strictObject({ items: z.array(z.unknown()).min(1).max(batchItemsMax) }),
    response: success({ results: z.array(batchOutcome('conversation_id')), position: positionField }),
    status: 200,
    owner: { in: 'body', field: 'user_id', items: 'items' },
    writes: true,
    errors: [],
  },
  {
    ...base,
    action: 'conversation.get',
    method: 'GET',
    path: '/api/v1/ai/conversation/{conversation_id}',
    summary: 'One conversation, from the cache where it is there',
    requirement: 'A2.3',
    params: conversationParams,
    response: success({ conversation: conversationRow, source: z.enum(['cache', 'primary']) }),
    status: 200,
    writes: false,
    reads: 'cache',
    errors: ['not_found'],
  },
  {
    ...base,
    action: 'conversation.update',
    method: 'PATCH',
    path: '/api/v1/ai/conversation/{conversation_id}',
    summary: 'Change a conversation in every store',
    requirement: 'A4.7',
    params: conversationParams,
    body: conversationChange,
    response: success({ conversation_id: z.string(), conversation: conversationRow, position: positionField }),
    status: 200,
    writes: true,
    errors: onRecord,
  },
  {
    ...base,
    action: 'conversation.remove',
    method: 'DELETE',
    path: '/api/v1/ai/conversation/{conversation_id}',
    summary: 'Delete a conversation from every store',
    requirement: 'A4.7',
    params: conversationParams,
    response: success({ conversation_id: z.string(), position: positionField }),
    status: 200,
    writes: true,
    errors: onRecord,
  },
  {
    ...base,
    action: 'conversation.history',
    method: 'GET',
    path: '/api/v1/ai/history/{user_id}',
    summary: "A user's conversations, newest first",
    requirement: 'A1.4',
    params: z.strictObject({ user_id: userIdField }),
    query: z.strictObject({ limit: limitField(50, 200), cursor: cursorField, session_id: optional(text(1, 100)) }),
    response: success({ history: z.array(historyItem), next: z.string().nullable() }),
    status: 200,
    owner: { in: 'params', field: 'user_id' },
    writes: false,
    reads: 'relational',
    errors: ['invalid_cursor'],
  },
] as const satisfies readonly RouteDefinition[];
