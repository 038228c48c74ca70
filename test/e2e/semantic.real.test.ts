import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type RunningEngine, startEngine } from '@mindora/testing/engines';
import { type TemporaryDirectory, temporaryDirectory } from '@mindora/testing/plain';
import { ownPairs, recallAt, shareWord } from '../bench/semantic.ts';
import { createApi } from '../support/api.ts';
import { launchVersion, type RunningVersion, whenReady } from '../support/version.ts';

const pairs = ownPairs();
/** What a right answer must be among: more than a tenth of all would be found by guessing. */
const found = 3;

let model: RunningEngine;
let directory: TemporaryDirectory;
const running: RunningVersion[] = [];

beforeAll(async () => {
  model = await startEngine('embeddings');
  directory = await temporaryDirectory();
});

afterAll(async () => {
  for (const version of running) await version.stop();
  await model.stop();
  await directory.remove();
});

/** Stores every answer, and asks every question; the place of its answer. */
async function placesIn(data: string, environment: Readonly<Record<string, string>>): Promise<number[]> {
  const version = await whenReady(data, launchVersion(data, { environment, logLevel: 'error' }));
  running.push(version);
  const api = await createApi(version);
  const items = pairs.map(({ answer }, i) => {
    return { user_id: 'asker', session_id: `s${i}`, user_input: '咨询', ai_response: answer, model_name: 'm' };
  });
  const { position } = (await api.ask('POST', '/api/v1/ai/conversations/batch', { body: { items } })).body;
  const places: number[] = [];
  for (const { question, answer } of pairs) {
    const asked = { body: { query: question, limit: 10 }, after: position };
    const { body } = await api.ask('POST', '/api/v1/ai/search', asked);
    const results = body.results as { aiResponse: string }[];
    const place = results.findIndex(({ aiResponse }) => aiResponse === answer);
    places.push(place === -1 ? Number.POSITIVE_INFINITY : place);
  }
  return places;
}

test('no question shares a word with its answer', () => {
  expect(pairs.filter(({ question, answer }) => shareWord(question, answer))).toEqual([]);
});

test('a model finds Chinese answers by their meaning, the lexical embedder by words only (A1.3, A2.14)', async () => {
  const meaning = await placesIn(directory.file('meaning'), {
    MINDORA_EMBEDDINGS_URL: model.url,
    MINDORA_EMBEDDINGS_MODEL: 'multilingual-e5-small',
    MINDORA_EMBEDDINGS_DIMENSIONS: '384',
  });
  const lexical = await placesIn(directory.file('lexical'), {});
  expect(recallAt(found, meaning)).toBeGreaterThanOrEqual(0.9);
  expect(recallAt(found, lexical)).toBeLessThan(0.5);
});
