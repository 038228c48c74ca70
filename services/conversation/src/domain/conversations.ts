import type { Row } from '@mindora/contracts';
import { newConversation } from '@mindora/contracts/routes';
import type { Random } from '@mindora/runtime';
import {
  type BatchOutcome,
  type CacheQueries,
  type Fields,
  ownedRecords,
  type PrimaryRecords,
  type RelationalQueries,
} from '@mindora/stores';

export interface ConversationDependencies {
  readonly primary: Pick<PrimaryRecords, 'write' | 'writeEach' | 'get'>;
  readonly cache: Pick<CacheQueries, 'record'>;
  readonly relational: Pick<RelationalQueries, 'conversations'>;
  readonly random: Random;
}

export interface HistoryPage {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly session_id?: string | undefined;
}

type Scope = string | null;

/** What the conversation service does (A1.1, A1.4, A2.3, A4.7). */
export function conversationUseCases({ primary, cache, relational, random }: ConversationDependencies) {
  const records = ownedRecords({
    entity: 'conversation',
    schema: newConversation,
    idField: 'conversation_id',
    columns: ['user_id', 'session_id', 'user_input', 'ai_response', 'model_name', 'context'],
    primary,
    cache,
    random,
  });
  return {
    async create(fields: Fields, scope: Scope) {
      const { id, position } = await records.create(fields, scope);
      return { conversation_id: id, position };
    },
    async createBatch(items: readonly unknown[], scope: Scope) {
      const { outcomes, position } = await records.createEach(items, scope);
      return { results: outcomes.map(resultOf), position };
    },
    async get(id: string, scope: Scope) {
      const { row, source } = await records.get(id, scope);
      return { conversation: row, source };
    },
    async update(id: string, change: Fields, scope: Scope) {
      const { row, position } = await records.update(id, change, scope);
      return { conversation_id: id, conversation: row, position };
    },
    async remove(id: string, scope: Scope) {
      return { conversation_id: id, ...(await records.remove(id, scope)) };
    },
    async history(userId: string, { limit, cursor, session_id }: HistoryPage) {
      const query = { userId, sessionId: session_id ?? null, limit, after: cursor ?? null };
      const { items, next } = await relational.conversations(query);
      return { history: items.map(historyItemOf), next };
    },
  };
}

function resultOf({ index, id, problem }: BatchOutcome) {
  return problem === null
    ? { index, status: 'success' as const, conversation_id: id }
    : { index, status: 'error' as const, problem };
}

/** Exactly the fields of A1.4. */
const historyFields = ['id', 'session_id', 'user_input', 'ai_response', 'model_name', 'created_at'] as const;

type HistoryItem = Record<(typeof historyFields)[number], string>;

function historyItemOf(row: Row): HistoryItem {
  return Object.fromEntries(historyFields.map((field) => [field, row[field]])) as HistoryItem;
}
