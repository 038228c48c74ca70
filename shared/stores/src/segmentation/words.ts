/**
 * The words of runs of scripts that are written without spaces. They choose what a query asks for and lift documents
 * that hold them as words; whether something is found never depends on them (tokens.ts).
 */
import { createRequire } from 'node:module';
import type { Jieba } from '@node-rs/jieba';

// Its dictionary takes 0.2 s and 35 MB: loaded by the first Chinese text, once a thread, and not by an import.
let jieba: Jieba | null = null;

function chineseSegmenter(): Jieba {
  if (jieba !== null) return jieba;
  const load = createRequire(import.meta.url);
  const library = load('@node-rs/jieba') as typeof import('@node-rs/jieba');
  const { dict } = load('@node-rs/jieba/dict.js') as typeof import('@node-rs/jieba/dict.js');
  jieba = library.Jieba.withDict(dict);
  return jieba;
}

const hanOnly = /^\p{Script=Han}+$/u;
const hanRuns = /\p{Script=Han}{2,}/gu;

const segmenters = new Map<string, Intl.Segmenter>();

function segmenterOf(locale: string): Intl.Segmenter {
  const known = segmenters.get(locale);
  if (known !== undefined) return known;
  const made = new Intl.Segmenter(locale, { granularity: 'word' });
  segmenters.set(locale, made);
  return made;
}

function byDictionaryOf(locale: string, run: string): string[] {
  return Array.from(segmenterOf(locale).segment(run), (part) => part.segment);
}

/**
 * The words of a run, which together are the run. Chinese by jieba; what its dictionary doesn't know (it is one of
 * simplified characters) and Japanese, Thai, Lao, Khmer and Burmese by the dictionaries of ICU; Korean stays whole,
 * for it has its own spaces.
 */
export function wordsOfRun(run: string): string[] {
  // Two characters by themselves are a word or a name, in the dictionary or not.
  if (Array.from(run).length <= 2) return [run];
  if (hanOnly.test(run)) return chineseWords(run);
  if (/\p{Script=Hangul}/u.test(run)) return [run];
  return byDictionaryOf('ja', run);
}

function chineseWords(run: string): string[] {
  const words: string[] = [];
  let unknown = '';
  const settle = (): void => {
    if (unknown.length > 1) words.push(...byDictionaryOf('zh', unknown));
    else if (unknown !== '') words.push(unknown);
    unknown = '';
  };
  for (const word of dictionaryWords(run)) {
    if (Array.from(word).length === 1) {
      unknown += word;
      continue;
    }
    settle();
    words.push(word);
  }
  settle();
  return words;
}

/** The words that jieba's dictionary finds in a run of Han characters; the same in every process. */
export function dictionaryWords(run: string): string[] {
  return chineseSegmenter().cut(run, false);
}

/** The Chinese words of a folded text of two characters and more, long words with the words inside them. */
export function chineseWordsIn(folded: string): string[] {
  const words: string[] = [];
  for (const match of folded.matchAll(hanRuns)) {
    for (const word of chineseSegmenter().cutForSearch(match[0], false)) if (word.length > 1) words.push(word);
  }
  return words;
}
