import { describe, expect, test } from '@jest/globals';
import {
  canonicalJson,
  defaultRetention,
  documents,
  type EntityName,
  encodeVector,
  entities,
  entitiesOf,
  type Role,
  type Row,
  roles,
} from '@mindora/contracts';
import { needsEmbedding, type ProjectionContext, project, projectionLabel, toApplyItem } from '../src/index.ts';

const context: ProjectionContext = {
  embedding: { id: 'e', vector: encodeVector([0.5, -1]) },
  model: 'lexical',
  dimensions: 2,
};
const time = '2026-01-02T03:04:05.000006Z';

const rows: Partial<Record<EntityName, Row>> = {
  conversation: {
    id: 'c1',
    user_id: 'u1',
    session_id: 's1',
    user_input: '你好',
    ai_response: 'hello',
    model_name: 'm',
    context: { b: 1, a: [null] },
    created_at: time,
    updated_at: time,
  },
  analysis: {
    id: 'a1',
    user_id: 'u1',
    analysis_type: 'resume',
    input_content: 'text',
    analysis_result: { skills: [' Go ', { name: 'Go' }, { name: 'SQL' }, 7, ''], z: 1, a: 2 },
    confidence_score: null,
    processing_time: null,
    created_at: time,
    updated_at: time,
  },
};

function rowOf(name: EntityName): Row {
  const given = rows[name];
  if (given !== undefined) return given;
  return Object.fromEntries(Object.keys(entities[name].columns).map((column) => [column, `${column} of ${name}`]));
}

describe('projections', () => {
  const pairs = roles.flatMap((role) => entitiesOf(role).map((name) => [role, name] as const));

  test('the stores of the entities and the documents of the stores are the same pairs', () => {
    const held = roles.flatMap((role) => Object.keys(documents[role]).map((name) => `${role} ${name}`));
    expect(held.sort()).toEqual(pairs.map((pair) => pair.join(' ')).sort());
  });

  test.each(pairs)('%s of %s has exactly the fields of its definition', (role, name) => {
    const definition = documents[role][name];
    const document = project(role, name, rowOf(name), context);
    expect(Object.keys(document).sort()).toEqual(Object.keys(definition?.fields ?? {}).sort());
    expect(document[definition?.key ?? '']).toBe(rowOf(name)[entities[name].key]);
    expect(() => canonicalJson(document)).not.toThrow();
  });

  test('secret columns go nowhere', () => {
    for (const [role, name] of pairs) {
      const text = canonicalJson(project(role, name, { ...rowOf(name), api_key_encrypted: 'SECRET' }, context));
      expect(text).not.toContain('SECRET');
    }
  });

  test('tags and metadata (A2.15), results as text, skills once', () => {
    const conversation = rowOf('conversation');
    const analysis = rowOf('analysis');
    expect(project('documents', 'conversation', conversation, context).metadata).toEqual({
      source: 'ai_api',
      version: '1.0',
      tags: ['conversation', 'ai_chat'],
    });
    expect(project('fulltext', 'analysis', analysis, context)).toMatchObject({
      tags: ['analysis', 'resume'],
      analysis_result: canonicalJson(analysis.analysis_result ?? null),
    });
    expect(project('graph', 'analysis', analysis, context).skills).toEqual(['Go', 'SQL']);
    expect(project('relational', 'conversation', conversation, context).conversation_context).toEqual(
      conversation.context,
    );
  });

  test('no more than 100 skills', () => {
    const skills = Array.from({ length: 300 }, (_, index) => `skill ${index}`);
    const row = { ...rowOf('analysis'), analysis_result: { skills } };
    expect(project('graph', 'analysis', row, context).skills).toEqual(skills.slice(0, 100));
  });

  test('a vector that was not resolved is an error, not an empty vector', () => {
    expect(() => project('vectors', 'conversation', rowOf('conversation'), { ...context, embedding: null })).toThrow();
    expect(needsEmbedding('vectors', 'conversation')).toBe(true);
    expect(needsEmbedding('relational', 'conversation')).toBe(false);
  });

  test('items carry owner and expiry; a record without a row is a tombstone', () => {
    const record = { entity: 'conversation', id: 'c1', version: 3, row: rowOf('conversation') } as const;
    const item = toApplyItem('cache', record, context, defaultRetention);
    expect(item).toMatchObject({ owner: 'u1', version: 3, expiresAt: Date.parse(time) + 3_600_000 });
    const gone = toApplyItem('cache', { ...record, row: null }, context, defaultRetention);
    expect(gone).toEqual({
      entity: 'conversation',
      id: 'c1',
      version: 3,
      owner: null,
      document: null,
      expiresAt: null,
    });
  });

  test('labels tell apart what must be filled again', () => {
    const small = { model: 'm', dimensions: 2 };
    const large = { model: 'm', dimensions: 3 };
    const labelOf = (role: Role, embedder: typeof small): string => projectionLabel(role, embedder, { documentsMs: 1 });
    expect(projectionLabel('documents', small, { documentsMs: 2 })).not.toBe(labelOf('documents', small));
    expect(labelOf('vectors', small)).not.toBe(labelOf('vectors', large));
    expect(labelOf('cache', small)).toBe(labelOf('cache', large));
    expect(new Set(roles.map((role) => labelOf(role, small))).size).toBe(roles.length);
  });
});
