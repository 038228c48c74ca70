/** Bodies that a reader can send as they are; a test holds each to the schema of its route. */
import { type ColumnDefinition, type EntityName, entity, type RouteDefinition } from '@mindora/contracts';

const conversation = {
  user_id: 'user_001',
  session_id: 'session-1',
  user_input: '什么是向量数据库？',
  ai_response: 'A vector database finds what is similar in meaning.',
  model_name: 'deepseek-chat',
  context: { source: 'web', topics: ['vectors'] },
};

const analysis = {
  user_id: 'user_001',
  analysis_type: 'resume',
  input_content: 'Five years of TypeScript and PostgreSQL.',
  analysis_result: { skills: ['TypeScript', 'PostgreSQL'], years: 5 },
  confidence_score: 0.92,
  processing_time: 840,
};

const bodies: Readonly<Record<string, unknown>> = {
  'conversation.create': conversation,
  'conversation.createBatch': { items: [conversation, { ...conversation, user_input: 'And what is an embedding?' }] },
  'conversation.update': { ai_response: 'A database that finds what is similar in meaning.' },
  'analysis.create': analysis,
  'analysis.createBatch': { items: [analysis] },
  'analysis.update': { confidence_score: 0.95 },
  'vector.conversations': { query: 'databases for similarity', limit: 10 },
  'vector.analyses': { query: 'backend developer', limit: 10 },
  'search.conversations': { query: '向量', limit: 10, sort: 'relevance' },
  'search.analyses': { query: 'TypeScript', analysis_type: 'resume', limit: 10 },
  'search.conversationDocuments': { query: { model_name: 'deepseek-chat' }, limit: 10 },
  'search.analysisDocuments': { query: { confidence_score: { $gte: 0.9 } }, limit: 10 },
  'identity.mergeProfile': { city: 'Hangzhou', interests: ['databases'] },
  'identity.login': { login: 'user_001', password: 'a long pass phrase' },
  'identity.setPassword': { password: 'another long pass phrase', current_password: 'a long pass phrase' },
  'identity.createKey': { name: 'laptop' },
  'model.chat': { message: 'Explain embeddings in one sentence.' },
  'model.analyze': { content: 'Five years of TypeScript and PostgreSQL.', analysis_type: 'resume' },
  'config.adopt': {
    entity: 'conversation',
    items: [{ id: '4711', ...conversation, created_at: '2025-01-04T08:00:00Z' }],
    dry_run: true,
  },
  'sync.verify': { repair: false, dry_run: false, wait_ms: 30_000 },
  'sync.rebuild': { store: 'fulltext' },
  'sync.erase': { user_id: 'user_001' },
  'sync.touch': { entity: 'conversation', ids: ['0197f0c2-6c1a-7c3e-9d52-0b9a4f6f2a11'] },
  'sync.replayParked': { store: 'documents' },
  'sync.dropParked': { store: 'documents' },
};

/** An example of a route's body; undefined where it takes none. */
export function exampleBody(route: RouteDefinition): unknown {
  if (route.body === undefined) return undefined;
  const [, name, verb] = /^config\.(\w+)\.(create|update)$/.exec(route.action) ?? [];
  if (name === undefined) return bodies[route.action];
  const sample = sampleOf(name as EntityName);
  if (verb === 'create') return sample;
  const { key, owner } = entity(name as EntityName);
  const changes = Object.entries(sample).filter(([field]) => field !== key && field !== owner);
  return Object.fromEntries(changes.slice(-1));
}

/** A record of an administrator's entity: its columns that must be given, and the last one that may be. */
function sampleOf(name: EntityName): Record<string, unknown> {
  const sample: Record<string, unknown> = {};
  for (const [field, column] of Object.entries(entity(name).columns)) {
    if (column.managed !== true && column.secret !== true) sample[field] = sampleValue(field, column);
  }
  return sample;
}

function sampleValue(field: string, column: ColumnDefinition): unknown {
  switch (column.type) {
    case 'json':
      return { key: 'value' };
    case 'integer':
      return 1000;
    case 'float':
      return 0.7;
    case 'decimal':
      return '0.5';
    case 'boolean':
      return true;
    case 'time':
      return '2026-01-31T12:00:00Z';
    case 'date':
      return '2026-01-31';
    case 'enum':
      return column.values?.[0];
    case 'string':
    case 'text':
      return named[field] ?? field.slice(0, column.length ?? field.length);
  }
}

const named: Readonly<Record<string, string>> = {
  user_id: 'user_001',
  email: 'user_001@example.com',
  currency: 'CNY',
  permission_code: 'ai_access',
};
