/**
 * What each store holds of each entity (requirements A2.2-A2.8): the fields of the projected documents. Engines make
 * their tables, mappings and schemas from these; the projections (in the sync package) produce exactly these fields.
 */
import type { ColumnType, Role } from './definition.ts';
import { type EntityName, entitiesOf, entity } from './entities.ts';

export type FieldType =
  | 'keyword' // exact string
  | 'keywords' // array of exact strings
  | 'text' // analysed where the store searches text
  | 'json' // any JSON
  | 'float'
  | 'integer'
  | 'decimal' // canonical string
  | 'time' // canonical string
  | 'boolean'
  | 'vector'; // canonical string, see encodeVector

export interface DocumentDefinition {
  /** The table, collection, index, class, label or key prefix. */
  readonly collection: string;
  /** Field that equals the record's id. */
  readonly key: string;
  readonly fields: Readonly<Record<string, FieldType>>;
  readonly indexes?: readonly (readonly string[])[];
}

const exchange = {
  user_id: 'keyword',
  session_id: 'keyword',
  user_input: 'text',
  ai_response: 'text',
  model_name: 'keyword',
} as const;

const analysed = {
  user_id: 'keyword',
  analysis_type: 'keyword',
  input_content: 'text',
  analysis_result: 'json',
  confidence_score: 'float',
  processing_time: 'integer',
} as const;

const times = { created_at: 'time', updated_at: 'time' } as const;

const modelConfig = {
  id: 'keyword',
  service_name: 'keyword',
  service_type: 'keyword',
  model_name: 'keyword',
  api_endpoint: 'keyword',
  max_tokens: 'integer',
  temperature: 'decimal',
  cost_per_token: 'decimal',
  is_active: 'boolean',
  ...times,
} as const;

const fieldTypes: Readonly<Record<ColumnType, FieldType>> = {
  string: 'keyword',
  enum: 'keyword',
  date: 'keyword',
  text: 'text',
  json: 'json',
  integer: 'integer',
  float: 'float',
  decimal: 'decimal',
  boolean: 'boolean',
  time: 'time',
};

/** The row as it is, without its secrets: what the special databases hold (A2.9-A2.11). */
function asRows(role: Role): Partial<Record<EntityName, DocumentDefinition>> {
  const made = entitiesOf(role).map((name) => {
    const { table: collection, key, columns, indexes, uniques } = entity(name);
    const shown = Object.entries(columns).filter(([, column]) => column.secret !== true);
    const fields = Object.fromEntries(shown.map(([field, { type }]) => [field, fieldTypes[type]]));
    return [name, { collection, key, fields, indexes: [...uniques, ...indexes] }];
  });
  return Object.fromEntries(made);
}

export const documents: Readonly<Record<Role, Partial<Record<EntityName, DocumentDefinition>>>> = {
  relational: {
    conversation: {
      collection: 'ai_conversations',
      key: 'id',
      fields: { id: 'keyword', ...exchange, conversation_context: 'json', embedding_id: 'keyword', ...times },
      indexes: [['user_id', 'created_at'], ['session_id'], ['created_at'], ['embedding_id']],
    },
    analysis: {
      collection: 'ai_analysis_results',
      key: 'id',
      fields: { id: 'keyword', ...analysed, embedding_id: 'keyword', ...times },
      indexes: [['user_id', 'created_at'], ['analysis_type'], ['created_at'], ['embedding_id']],
    },
    ai_service_config: { collection: 'ai_model_configs', key: 'id', fields: modelConfig },
    embedding: {
      collection: 'ai_conversation_vectors',
      key: 'id',
      fields: { id: 'keyword', model: 'keyword', dimensions: 'integer', vector: 'vector', created_at: 'time' },
    },
  },
  cache: {
    conversation: {
      collection: 'conversation',
      key: 'id',
      fields: { id: 'keyword', ...exchange, context: 'json', ...times },
    },
    analysis: { collection: 'analysis', key: 'id', fields: { id: 'keyword', ...analysed, ...times } },
  },
  documents: {
    conversation: {
      collection: 'ai_conversations',
      key: 'conversation_id',
      fields: { conversation_id: 'keyword', ...exchange, context: 'json', ...times, metadata: 'json' },
      indexes: [['user_id', 'created_at'], ['session_id'], ['created_at']],
    },
    analysis: {
      collection: 'ai_analysis_results',
      key: 'analysis_id',
      fields: { analysis_id: 'keyword', ...analysed, ...times, metadata: 'json' },
      indexes: [['user_id', 'analysis_type'], ['created_at'], ['confidence_score']],
    },
    profile: {
      collection: 'ai_user_profiles',
      key: 'user_id',
      fields: { user_id: 'keyword', profile: 'json', ...times },
    },
    ai_service_config: { collection: 'ai_model_configs', key: 'id', fields: modelConfig },
  },
  fulltext: {
    conversation: {
      collection: 'ai_conversations',
      key: 'conversation_id',
      fields: { conversation_id: 'keyword', ...exchange, created_at: 'time', tags: 'keywords', metadata: 'json' },
    },
    analysis: {
      collection: 'ai_analysis',
      key: 'analysis_id',
      fields: {
        analysis_id: 'keyword',
        user_id: 'keyword',
        analysis_type: 'keyword',
        input_content: 'text',
        analysis_result: 'text',
        confidence_score: 'float',
        processing_time: 'integer',
        created_at: 'time',
        tags: 'keywords',
        metadata: 'json',
      },
    },
  },
  graph: {
    conversation: {
      collection: 'AIConversation',
      key: 'conversationId',
      fields: {
        conversationId: 'keyword',
        userId: 'keyword',
        sessionId: 'keyword',
        modelName: 'keyword',
        userInput: 'text',
        aiResponse: 'text',
        createdAt: 'time',
      },
    },
    analysis: {
      collection: 'AIAnalysis',
      key: 'analysisId',
      fields: {
        analysisId: 'keyword',
        userId: 'keyword',
        analysisType: 'keyword',
        skills: 'keywords',
        createdAt: 'time',
      },
    },
  },
  vectors: {
    conversation: {
      collection: 'AIConversation',
      key: 'conversationId',
      fields: {
        conversationId: 'keyword',
        userInput: 'text',
        aiResponse: 'text',
        userId: 'keyword',
        sessionId: 'keyword',
        modelName: 'keyword',
        createdAt: 'time',
        vector: 'vector',
      },
    },
    analysis: {
      collection: 'AIAnalysis',
      key: 'analysisId',
      fields: {
        analysisId: 'keyword',
        analysisType: 'keyword',
        inputContent: 'text',
        analysisResult: 'text',
        confidenceScore: 'float',
        userId: 'keyword',
        createdAt: 'time',
        vector: 'vector',
      },
    },
  },
  personal: {
    conversation: {
      collection: 'conversations',
      key: 'id',
      fields: { id: 'keyword', ...exchange, context: 'json', ...times },
      indexes: [['created_at']],
    },
    analysis: {
      collection: 'analyses',
      key: 'id',
      fields: { id: 'keyword', ...analysed, ...times },
      indexes: [['created_at']],
    },
    profile: {
      collection: 'profiles',
      key: 'user_id',
      fields: { user_id: 'keyword', profile: 'json', ...times },
    },
    financial_record: {
      collection: 'financial_records',
      key: 'id',
      fields: {
        id: 'keyword',
        user_id: 'keyword',
        transaction_type: 'keyword',
        amount: 'decimal',
        currency: 'keyword',
        description: 'text',
        category: 'keyword',
        transaction_date: 'keyword',
        ...times,
      },
      indexes: [['transaction_date']],
    },
  },
  identity: asRows('identity'),
  governance: asRows('governance'),
  credit: asRows('credit'),
};

/** The document definition of an entity in a store that holds it. */
export function documentOf(role: Role, name: EntityName): DocumentDefinition {
  const definition = documents[role][name];
  if (definition === undefined) throw new Error(`${role} holds no ${name}`);
  return definition;
}
