/**
 * Whether questions find answers that share no word with them (issue of A1.3, A2.14): a real multilingual model beside
 * the built-in lexical embedder and full text, on the same texts.
 */
import { readFileSync } from 'node:fs';
import { systemClock, systemRandom } from '@mindora/runtime';
import type { FullTextStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import { createEmbedder, type Embedder } from '@mindora/stores/embedder/index';
import { foldText } from '@mindora/stores/segmentation/fold';
import { tokenize } from '@mindora/stores/segmentation/tokens';
import { project } from '@mindora/sync';
import { startEngine } from '@mindora/testing/engines';
import { temporaryDirectory } from '@mindora/testing/plain';
import type { Figures, Measurement } from './figures.ts';

export interface Pair {
  readonly question: string;
  readonly answer: string;
}

const found = 10;
const applyAtOnce = 200;
const samples = new URL('../../samples/', import.meta.url);
const ports = { clock: systemClock(), random: systemRandom() };

/** Chinese questions and answers without a common word, written for this. */
export function ownPairs(): Pair[] {
  return linesOf(new URL('answers-without-a-word.zh.jsonl', samples)) as unknown as Pair[];
}

/** Exchanges whose user's name begins with a prefix, from a file of conversations. */
function pairsOf(file: string, prefix: string): Pair[] {
  return linesOf(file)
    .filter(({ user_id }) => String(user_id).startsWith(prefix))
    .map(({ user_input, ai_response }) => ({ question: String(user_input), answer: String(ai_response) }));
}

function linesOf(file: string | URL): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Whether two texts have a word in common, as full text and the lexical embedder cut them. */
export function shareWord(a: string, b: string): boolean {
  const words = new Set(tokenize(foldText(a)).map(({ text }) => text));
  return tokenize(foldText(b)).some(({ text }) => words.has(text));
}

/** Places of the best texts for each question, by one way of finding. */
export type Ranking = (question: string) => Promise<readonly number[]>;

/** Ranks texts by the vectors of an embedder. */
export async function rankByVectors(embedder: Embedder, texts: readonly string[]): Promise<Ranking> {
  const vectors = await embedder.embed(texts.map((text) => ` ${text}`));
  return async (question) => {
    const [query] = await embedder.embed([question]);
    const scores = vectors.map((vector, i) => ({ i, score: cosine(vector, query ?? vector) }));
    return scores.sort((a, b) => b.score - a.score).map(({ i }) => i);
  };
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [product, left, right] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    const y = b[i] ?? 0;
    product += x * y;
    left += x * x;
    right += y * y;
  }
  return product / Math.sqrt(left * right || 1);
}

/** Ranks texts by the full-text store, which finds what holds every word of the question. */
async function rankByWords(store: FullTextStore, texts: readonly string[]): Promise<Ranking> {
  const context = { embedding: null, model: '', dimensions: 0 };
  const items = texts.map((text, i) => {
    const id = String(i);
    const row = { id, user_id: 'u', session_id: 's', user_input: '', ai_response: text, model_name: 'm' };
    const document = project('fulltext', 'conversation', row, context);
    return { entity: 'conversation' as const, id, version: 1, owner: 'u', document, expiresAt: null };
  });
  for (let at = 0; at < items.length; at += applyAtOnce) {
    await store.apply({ items: items.slice(at, at + applyAtOnce), positions: [] });
  }
  await store.refresh();
  return async (query) => {
    const rest = { userId: null, analysisType: null, limit: found, sort: 'relevance', after: null } as const;
    const { hits } = await store.search({ entity: 'conversation', query, ...rest });
    return hits.map(({ document }) => Number(document.conversation_id));
  };
}

/** The place, from 0, of the best answer to each question; infinity where it isn't found. */
export async function placesOf(pairs: readonly Pair[], texts: readonly string[], rank: Ranking): Promise<number[]> {
  const places: number[] = [];
  for (const { question } of pairs) {
    const right = new Set(
      pairs.filter((pair) => pair.question === question).map(({ answer }) => texts.indexOf(answer)),
    );
    const place = (await rank(question)).findIndex((i) => right.has(i));
    places.push(place === -1 ? Number.POSITIVE_INFINITY : place);
  }
  return places;
}

/** Share of the questions whose answer is among the first `k`. */
export function recallAt(k: number, places: readonly number[]): number {
  return Number((places.filter((place) => place < k).length / Math.max(1, places.length)).toFixed(3));
}

async function rowFor(name: string, pairs: readonly Pair[], texts: readonly string[], rank: Ranking): Promise<Figures> {
  const began = performance.now();
  const places = await placesOf(pairs, texts, rank);
  const ms = (performance.now() - began) / Math.max(1, pairs.length);
  const recalls = { 'recall@10': recallAt(found, places), 'recall@1': recallAt(1, places) };
  return { finder: name, ...recalls, 'ms a question': Number(ms.toFixed(1)) };
}

interface Finders {
  readonly model: Embedder;
  readonly lexical: Embedder;
  readonly openWords: () => Promise<FullTextStore>;
}

async function compare(about: string, pairs: readonly Pair[], further: readonly string[], finders: Finders) {
  const texts = [...new Set([...pairs.map(({ answer }) => answer), ...further])];
  const apart = pairs.filter(({ question, answer }) => !shareWord(question, answer));
  const words = await finders.openWords();
  try {
    const rows = [
      await rowFor(finders.model.model, apart, texts, await rankByVectors(finders.model, texts)),
      await rowFor('lexical embedder', apart, texts, await rankByVectors(finders.lexical, texts)),
      await rowFor('full text', apart, texts, await rankByWords(words, texts)),
    ];
    const counts = `${apart.length} questions, ${texts.length} answers to find theirs among`;
    return { name: 'semantic', about: `${about}; ${counts}`, rows } satisfies Measurement;
  } finally {
    await words.close();
  }
}

/** @param file conversations, one JSON object a line, for a second table; null: only our own pairs */
export async function measureSemantic(file: string | null): Promise<Measurement[]> {
  const engine = await startEngine('embeddings');
  const directory = await temporaryDirectory();
  const settings = { kind: 'endpoint', baseUrl: engine.url, model: 'multilingual-e5-small', dimensions: 384 } as const;
  const model = createEmbedder(settings, ports);
  const lexical = createEmbedder({ kind: 'lexical', dimensions: 384 }, ports);
  let stores = 0;
  const openWords = () => createStore('fulltext', { directory: directory.file(`${stores++}`), dimensions: 0 });
  const finders: Finders = { model, lexical, openWords };
  try {
    const others = linesOf(new URL('conversations.jsonl', samples)).map(({ ai_response }) => String(ai_response));
    const measured = [await compare('Chinese answers without a word of the question', ownPairs(), others, finders)];
    if (file !== null) {
      measured.push(await compare('the same of a file of conversations', pairsOf(file, 'chinese'), [], finders));
    }
    return measured;
  } finally {
    await Promise.all([model.close(), lexical.close()]);
    await engine.stop();
    await directory.remove();
  }
}
