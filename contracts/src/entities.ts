/**
 * The entities of the primary (requirements A2.1, A1.9) with their storage facts. Tables, triggers, validation, the
 * admin API and the routes of the sync are all made from these definitions; nothing else lists columns.
 */
import type { Row } from './canonical.ts';
import { millisOfTime } from './canonical.ts';
import { createdAt, define, type EntityDefinition, type Role, updatedAt, userId } from './definition.ts';
import { creditEntities, governanceEntities, identityEntities } from './special.ts';

/** Longest text of one field, in characters. */
export const textLengthMax = 2_000_000;

export const entities = {
  user: define({
    name: 'user',
    table: 'users',
    about: 'An account',
    key: 'user_id',
    columns: {
      user_id: { type: 'string', length: 50 },
      username: { type: 'string', length: 100 },
      email: { type: 'string', length: 255 },
      password_hash: { type: 'string', length: 255, secret: true, nullable: true },
      role: { type: 'enum', values: ['admin', 'user', 'guest'], default: 'user' },
      status: { type: 'enum', values: ['active', 'inactive', 'suspended'], default: 'active' },
      last_login: { type: 'time', nullable: true, managed: true },
      created_at: createdAt,
      updated_at: updatedAt,
    },
    uniques: [['email']],
    indexes: [['username'], ['status'], ['created_at']],
    stores: [],
    admin: true,
  }),
  system_config: define({
    name: 'system_config',
    table: 'system_configs',
    about: 'A configuration value',
    key: 'config_key',
    columns: {
      config_key: { type: 'string', length: 100 },
      config_value: { type: 'text', nullable: true },
      config_type: { type: 'enum', values: ['string', 'number', 'boolean', 'json'], default: 'string' },
      description: { type: 'text', nullable: true },
      is_active: { type: 'boolean', default: true },
      created_at: createdAt,
      updated_at: updatedAt,
    },
    uniques: [],
    indexes: [['is_active']],
    stores: [],
    admin: true,
  }),
  permission: define({
    name: 'permission',
    table: 'permissions',
    about: 'A right that a role may have',
    key: 'permission_code',
    columns: {
      permission_code: { type: 'string', length: 50 },
      permission_name: { type: 'string', length: 100 },
      description: { type: 'text', nullable: true },
      resource_type: { type: 'string', length: 50, nullable: true },
      action: { type: 'string', length: 50, nullable: true },
      is_active: { type: 'boolean', default: true },
      created_at: createdAt,
      updated_at: updatedAt,
    },
    uniques: [['permission_name']],
    indexes: [['resource_type'], ['is_active']],
    stores: [],
    admin: true,
  }),
  role_permission: define({
    name: 'role_permission',
    table: 'role_permissions',
    about: 'A right of a role',
    key: 'id',
    columns: {
      id: { type: 'string', length: 100, managed: true },
      role_name: { type: 'enum', values: ['admin', 'user', 'guest'] },
      permission_code: { type: 'string', length: 50 },
      created_at: createdAt,
    },
    uniques: [['role_name', 'permission_code']],
    indexes: [['permission_code']],
    stores: [],
    admin: true,
  }),
  financial_record: define({
    name: 'financial_record',
    table: 'financial_records',
    about: 'An income, an expense or a transfer',
    key: 'id',
    owner: 'user_id',
    columns: {
      id: { type: 'string', length: 36, managed: true },
      user_id: userId,
      transaction_type: { type: 'enum', values: ['income', 'expense', 'transfer'] },
      amount: { type: 'decimal', precision: 15, scale: 2 },
      currency: { type: 'string', length: 10, default: 'CNY' },
      description: { type: 'text', nullable: true },
      category: { type: 'string', length: 100, nullable: true },
      transaction_date: { type: 'date' },
      created_at: createdAt,
      updated_at: updatedAt,
    },
    uniques: [],
    indexes: [['user_id', 'transaction_date'], ['transaction_type'], ['created_at']],
    stores: ['personal'],
    admin: true,
  }),
  ai_service_config: define({
    name: 'ai_service_config',
    table: 'ai_service_configs',
    about: 'A model endpoint',
    key: 'id',
    columns: {
      id: { type: 'string', length: 36, managed: true },
      service_name: { type: 'string', length: 100 },
      service_type: { type: 'enum', values: ['chat', 'analysis', 'generation', 'translation'] },
      api_endpoint: { type: 'string', length: 500, nullable: true },
      api_key_encrypted: { type: 'text', nullable: true, secret: true },
      model_name: { type: 'string', length: 100, nullable: true },
      max_tokens: { type: 'integer', default: 1000 },
      temperature: { type: 'decimal', precision: 3, scale: 2, default: '0.70' },
      is_active: { type: 'boolean', default: true },
      cost_per_token: { type: 'decimal', precision: 10, scale: 6, default: '0.000001' },
      created_at: createdAt,
      updated_at: updatedAt,
    },
    uniques: [['service_name']],
    indexes: [['service_type'], ['is_active']],
    stores: ['relational', 'documents', 'identity'],
    admin: true,
  }),
  conversation: define({
    name: 'conversation',
    table: 'ai_conversations',
    about: 'One exchange between a user and a model (A1.1)',
    key: 'id',
    owner: 'user_id',
    columns: {
      id: { type: 'string', length: 36 },
      user_id: userId,
      session_id: { type: 'string', length: 100 },
      user_input: { type: 'text' },
      ai_response: { type: 'text' },
      model_name: { type: 'string', length: 50 },
      context: { type: 'json', nullable: true },
      created_at: createdAt,
      updated_at: updatedAt,
    },
    uniques: [],
    indexes: [
      ['user_id', 'session_id', 'created_at'],
      ['user_id', 'created_at'],
      ['model_name', 'created_at'],
    ],
    stores: ['relational', 'cache', 'documents', 'fulltext', 'graph', 'vectors', 'personal'],
    embeds: (row) => `${row.user_input} ${row.ai_response}`,
    admin: false,
  }),
  analysis: define({
    name: 'analysis',
    table: 'ai_analysis_results',
    about: 'The result of an analysis (A1.2)',
    key: 'id',
    owner: 'user_id',
    columns: {
      id: { type: 'string', length: 36 },
      user_id: userId,
      analysis_type: { type: 'string', length: 50 },
      input_content: { type: 'text' },
      analysis_result: { type: 'json' },
      confidence_score: { type: 'float', nullable: true },
      processing_time: { type: 'integer', nullable: true, about: 'milliseconds' },
      created_at: createdAt,
      updated_at: updatedAt,
    },
    uniques: [],
    indexes: [['user_id', 'analysis_type', 'confidence_score'], ['analysis_type', 'created_at'], ['created_at']],
    stores: ['relational', 'cache', 'documents', 'fulltext', 'graph', 'vectors', 'personal'],
    embeds: (row) => String(row.input_content),
    admin: false,
  }),
  profile: define({
    name: 'profile',
    table: 'user_profiles',
    about: 'What a user tells of itself, in fields of its own choice (A1.9)',
    key: 'user_id',
    owner: 'user_id',
    columns: {
      user_id: { type: 'string', length: 50 },
      profile: { type: 'json' },
      created_at: createdAt,
      updated_at: updatedAt,
    },
    uniques: [],
    indexes: [],
    stores: ['documents', 'personal'],
    admin: false,
  }),
  embedding: define({
    name: 'embedding',
    table: 'embeddings',
    about: 'The vector of a text, made once for all stores; goes with the last record whose text it is',
    key: 'id',
    columns: {
      id: { type: 'string', length: 64, about: 'see embeddingId' },
      model: { type: 'string', length: 200 },
      dimensions: { type: 'integer' },
      vector: { type: 'text', about: 'base64 of little-endian float32' },
      created_at: createdAt,
    },
    uniques: [],
    indexes: [],
    stores: ['relational'],
    admin: false,
  }),
  ...identityEntities,
  ...governanceEntities,
  ...creditEntities,
} as const satisfies Record<string, EntityDefinition>;

export type EntityName = keyof typeof entities;
export const entityNames = Object.keys(entities) as EntityName[];

/** The definition by name, typed as the general interface. */
export function entity(name: EntityName): EntityDefinition {
  return entities[name];
}

export function isEntityName(name: string): name is EntityName {
  return Object.hasOwn(entities, name);
}

/** The stores that hold an entity. */
export function storesOf(name: EntityName): readonly Role[] {
  return entities[name].stores;
}

/** The entities that a store holds. */
export function entitiesOf(role: Role): EntityName[] {
  return entityNames.filter((name) => storesOf(name).includes(role));
}

/** How long a store keeps a record, counted from a time of the record. Stores not named keep it as long as it lives. */
export interface RetentionPolicy {
  /** conversation:{id} lives one hour, analysis:{id} two, from the last change (A2.3). */
  readonly cacheConversationMs: number;
  readonly cacheAnalysisMs: number;
  /** Documents live 30 days from their creation (A2.6); 0 keeps them for good. Profiles and configurations stay. */
  readonly documentsMs: number;
}

export const defaultRetention: RetentionPolicy = {
  cacheConversationMs: 3_600_000,
  cacheAnalysisMs: 7_200_000,
  documentsMs: 30 * 86_400_000,
};

/** When a store lets go of a record, in milliseconds since 1970; null if never. */
export function expiresAt(role: Role, name: EntityName, row: Row, policy: RetentionPolicy): number | null {
  if (role === 'cache') {
    const lifetime = name === 'conversation' ? policy.cacheConversationMs : policy.cacheAnalysisMs;
    return addTo(row.updated_at, lifetime);
  }
  if (role === 'documents' && policy.documentsMs > 0 && (name === 'conversation' || name === 'analysis')) {
    return addTo(row.created_at, policy.documentsMs);
  }
  return null;
}

function addTo(time: unknown, lifetimeMs: number): number | null {
  const start = typeof time === 'string' ? millisOfTime(time) : Number.NaN;
  return Number.isNaN(start) ? null : start + lifetimeMs;
}
