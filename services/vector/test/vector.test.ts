import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { encodeVector, type Row } from '@mindora/contracts';
import { MindoraError, systemClock, systemRandom } from '@mindora/runtime';
import type { Embedder, RelationalStore, VectorQueries, VectorStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import { createEmbedder } from '@mindora/stores/embedder/index';
import {
  fill,
  principalOf,
  type StartedServices,
  startServices,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@mindora/testing';
import { createVectorService } from '../src/index.ts';

const dimensions = 64;
const as = principalOf('u1');
const createdAt = '2026-01-31T12:00:00.000000Z';
const texts = {
  a: ['How do I bake bread?', 'With flour and water'],
  b: ['Which trains go to Kyoto?', 'The Shinkansen'],
  x: ['How do I bake bread at home?', 'Slowly'],
} as const;

let directory: TemporaryDirectory;
let embedder: Embedder;
let vectors: VectorStore;
let relational: RelationalStore;
let services: StartedServices;

const start = async (primary: VectorQueries): Promise<void> => {
  services = await startServices(createVectorService({ embedder, vectors: primary, relational }));
};

beforeEach(async () => {
  directory = await temporaryDirectory();
  const ports = { clock: systemClock(), random: systemRandom() };
  embedder = createEmbedder({ kind: 'lexical', dimensions }, ports);
  vectors = await createStore('vectors', { directory: directory.path, dimensions });
  relational = await createStore('relational', { directory: directory.path, dimensions });
  for (const [id, [userInput, aiResponse]] of Object.entries(texts)) await add(id, userInput, aiResponse);
});

afterEach(async () => {
  await services.stop();
  await Promise.all([vectors.close(), relational.close(), embedder.close()]);
  await directory.remove();
});

async function add(id: string, userInput: string, aiResponse: string): Promise<void> {
  const [made] = await embedder.embed([`${userInput} ${aiResponse}`]);
  const vector = encodeVector(made ?? []);
  const userId = id === 'x' ? 'u2' : 'u1';
  const document: Row = { conversationId: id, userInput, aiResponse, userId, sessionId: 's1', modelName: 'm' };
  await fill(vectors, 'conversation', [{ ...document, createdAt, vector }]);
  const { model } = embedder;
  await fill(relational, 'embedding', [{ id: `e-${id}`, model, dimensions, vector, created_at: createdAt }]);
  const row = {
    id,
    user_id: userId,
    session_id: 's1',
    user_input: userInput,
    ai_response: aiResponse,
    model_name: 'm',
  };
  const times = { created_at: createdAt, updated_at: createdAt };
  await fill(relational, 'conversation', [{ ...row, ...times, embedding_id: `e-${id}` }]);
}

async function search(body: object, who = as) {
  const answer = await services.call('vector.conversations', { body, as: who });
  return { ...answer, results: answer.results as Row[], store: answer.store };
}

test('the nearest conversations, in the form of A1.3', async () => {
  await start(vectors);
  const { results, store, ...rest } = await search({ query: 'bake bread' });
  expect(results[0]).toEqual({
    conversationId: 'a',
    userInput: texts.a[0],
    aiResponse: texts.a[1],
    userId: 'u1',
    sessionId: 's1',
    modelName: 'm',
    createdAt,
    score: expect.any(Number),
  });
  expect(results.map(({ conversationId }) => conversationId)).toEqual(['a', 'b']);
  expect(store).toBe('vectors');
  expect(rest).toMatchObject({ embedding: { kind: 'lexical', model: embedder.model } });
});

test('administrators search in all or in one, others in their own', async () => {
  await start(vectors);
  const ids = async (body: object, who = principalOf('admin_001', 'admin')) =>
    (await search({ query: 'bake bread', ...body }, who)).results.map(({ conversationId }) => conversationId);
  expect((await ids({})).sort()).toEqual(['a', 'b', 'x']);
  expect(await ids({ limit: 1, user_id: 'u2' })).toEqual(['x']);
  expect(await ids({ user_id: 'u1' }, principalOf('u2'))).toEqual(['x']);
});

test('the relational store answers while the vector store is not available, and says so', async () => {
  await start(vectors);
  const before = await search({ query: 'bake bread' });
  await services.stop();
  await start({ nearest: () => Promise.reject(new MindoraError('store_unavailable')) });
  const { results, store } = await search({ query: 'bake bread' });
  expect(store).toBe('relational');
  const scoreless = (rows: Row[]) => rows.map(({ score, ...row }) => ({ ...row, score: Number(score).toFixed(4) }));
  expect(scoreless(results)).toEqual(scoreless(before.results));
});

test('another failure is told', async () => {
  await start({ nearest: () => Promise.reject(new MindoraError('invalid_request', 'other dimensions')) });
  await expect(search({ query: 'x' })).rejects.toMatchObject({ code: 'invalid_request' });
});

test('analyses are found too, without their vectors (A2.4)', async () => {
  const [made] = await embedder.embed(['Backend engineer with Go']);
  const analysis: Row = { analysisId: 'n', analysisType: 'resume', inputContent: 'Backend engineer with Go' };
  const facts = { analysisResult: '{}', confidenceScore: 0.5, userId: 'u1', createdAt };
  await fill(vectors, 'analysis', [{ ...analysis, ...facts, vector: encodeVector(made ?? []) }]);
  await start(vectors);
  const { results } = await services.call('vector.analyses', { body: { query: 'Go engineer' }, as });
  expect(results).toEqual([{ ...analysis, ...facts, score: expect.any(Number) }]);
});
