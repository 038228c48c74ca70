/**
 * The embedding for installations without a model: words and pieces of words, hashed into a vector (the hashing trick
 * with signs, Weinberger et al. 2009). It finds texts that share words, in any language, and knows nothing of meaning.
 * Deterministic: the same text gives the same bytes in every process, so no dictionary of the platform takes part.
 */
import { MindoraError } from '@mindora/runtime';
import { foldText } from '../segmentation/fold.ts';
import { type Piece, piecesOf, tokensOf } from '../segmentation/tokens.ts';
import { dictionaryWords } from '../segmentation/words.ts';
import type { Embedder } from './port.ts';

export interface LexicalOptions {
  /** 16-4096; 384 where not given. */
  readonly dimensions?: number;
}

/** Name of the one lexical model. A change of the algorithm needs another name. */
export const lexicalModel = 'lexical-v1';

const dimensionsDefault = 384;
const dimensionsMin = 16;
const dimensionsMax = 4096;

/** Characters of a text that take part; what follows hardly turns the vector any more. */
const charactersMax = 100_000;

const weightOfWord = 1;
const weightOfPart = 0.4;
const weightOfFunctionWord = 0.15;

/** Words that say nothing of the topic, in the two languages of the product. */
const functionWords = new Set(
  (
    'a an and are as at be by can could did do does for from had has have how i if in is it its me my of on or our ' +
    'please should so than that the their them then there these they this those to was we were what when where which ' +
    'who why will with would you your ' +
    '的 了 是 我 你 他 她 它 们 我们 你们 他们 在 和 与 及 或 也 都 就 把 被 给 让 吗 呢 吧 啊 什么 怎么 怎样 如何 哪 哪些 哪个 ' +
    '为什么 这 那 这个 那个 有 没有 很 要 会 能 可以 请 请问 一下 一个 对 从 到 上 下 中 里 之 以 等 等等 应该'
  ).split(' '),
);

/** @throws MindoraError `invalid_request` where the dimensions are out of range */
export function createLexicalEmbedder(options: LexicalOptions = {}): Embedder {
  const dimensions = options.dimensions ?? dimensionsDefault;
  if (!Number.isInteger(dimensions) || dimensions < dimensionsMin || dimensions > dimensionsMax) {
    throw new MindoraError('invalid_request', `dimensions must be ${dimensionsMin} to ${dimensionsMax}`);
  }
  return {
    model: lexicalModel,
    dimensions,
    kind: 'lexical',
    async embed(texts) {
      return texts.map((text) => lexicalVector(text, dimensions));
    },
    async health() {
      return { ok: true, detail: 'lexical: compares words, not meaning' };
    },
    async close() {},
  };
}

/** The unit vector of a text; of a text without words, the first axis. */
export function lexicalVector(text: string, dimensions: number): Float32Array {
  const sums = new Float64Array(dimensions);
  for (const [feature, { count, weight }] of featuresOf(text)) {
    const hash = hashOf(feature);
    const value = weight * (1 + Math.log(count));
    const slot = (hash >>> 1) % dimensions;
    sums[slot] = (sums[slot] ?? 0) + ((hash & 1) === 0 ? value : -value);
  }
  return normalised(sums);
}

interface Feature {
  count: number;
  readonly weight: number;
}

function featuresOf(text: string): Map<string, Feature> {
  const features = new Map<string, Feature>();
  const add = (name: string, weight: number): void => {
    const known = features.get(name);
    if (known === undefined) features.set(name, { count: 1, weight });
    else known.count += 1;
  };
  for (const piece of piecesOf(foldText(text.slice(0, charactersMax)))) {
    if (piece.kind === 'run') addRun(piece, add);
    else addWord(piece, add);
  }
  return features;
}

type Add = (name: string, weight: number) => void;

/** Words of the dictionary, and all pairs of characters: what the dictionary doesn't know still meets. */
function addRun(piece: Piece, add: Add): void {
  const words = /^\p{Script=Han}+$/u.test(piece.text) ? dictionaryWords(piece.text) : [];
  for (const word of words) add(`w:${word}`, functionWords.has(word) ? weightOfFunctionWord : weightOfWord);
  for (const pair of tokensOf(piece)) {
    const part = functionWords.has(pair.text) ? weightOfFunctionWord : weightOfPart;
    add(`g:${pair.text}`, part);
  }
}

/** The word, and its pieces of three and four characters with its ends marked: "backups" meets "backup". */
function addWord(piece: Piece, add: Add): void {
  if (functionWords.has(piece.text)) {
    add(`w:${piece.text}`, weightOfFunctionWord);
    return;
  }
  add(`w:${piece.text}`, weightOfWord);
  const marked = `<${piece.text.slice(0, 64)}>`;
  for (const length of [3, 4]) {
    for (let start = 0; start + length <= marked.length; start++) {
      add(`g:${marked.slice(start, start + length)}`, weightOfPart);
    }
  }
}

/** FNV-1a over UTF-16 units with the finaliser of MurmurHash3, so that all bits depend on all characters. */
function hashOf(feature: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < feature.length; i++) hash = Math.imul(hash ^ feature.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function normalised(sums: Float64Array): Float32Array {
  let squares = 0;
  for (const value of sums) squares += value * value;
  const vector = new Float32Array(sums.length);
  if (squares === 0) {
    vector[0] = 1;
    return vector;
  }
  const length = Math.sqrt(squares);
  for (let i = 0; i < sums.length; i++) vector[i] = (sums[i] ?? 0) / length;
  return vector;
}
