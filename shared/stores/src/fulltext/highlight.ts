/** Excerpts of the original text with the found words marked, as they stand there and not as they are indexed. */
import { foldWithOffsets } from '../segmentation/fold.ts';
import { type Token, tokenize } from '../segmentation/tokens.ts';
import type { Phrase } from './query.ts';

const markBefore = '\uE000';
const markAfter = '\uE001';
const marks = /[\uE000\uE001]/g;

/** UTF-16 units of an excerpt, without the marks. */
const excerptLength = 200;
/** What of an excerpt stands before the first found word. */
const leadLength = 40;
/** Only this much of a text is looked through; a word found later gives no excerpt. */
const searchedLengthMax = 100_000;

interface Span {
  readonly start: number;
  readonly end: number;
}

/** An excerpt around the place with the most found words; null where none is found. */
export function highlight(original: string, phrases: readonly Phrase[]): string | null {
  const text = original.slice(0, searchedLengthMax);
  const folded = foldWithOffsets(text);
  const offset = (position: number): number => folded.offsets[position] ?? text.length;
  const spans = merged(spansOf(tokenize(folded.text), phrases)).map(({ start, end }) => ({
    start: offset(start),
    end: offset(end),
  }));
  const first = densest(spans);
  if (first === null) return null;
  const start = boundary(text, Math.max(0, first.start - leadLength));
  const end = boundary(text, Math.max(first.end, Math.min(text.length, start + excerptLength)));
  return marked(text, spans, start, end);
}

function spansOf(tokens: readonly Token[], phrases: readonly Phrase[]): Span[] {
  const byFirst = Map.groupBy(phrases, (phrase) => firstCharacter(phrase.tokens[0] ?? ''));
  const spans: Span[] = [];
  for (const [index, token] of tokens.entries()) {
    for (const phrase of byFirst.get(firstCharacter(token.text)) ?? []) {
      const span = matchAt(tokens, index, phrase);
      if (span !== null) spans.push(span);
    }
  }
  return spans;
}

function firstCharacter(text: string): string {
  return String.fromCodePoint(text.codePointAt(0) ?? 0);
}

function matchAt(tokens: readonly Token[], index: number, phrase: Phrase): Span | null {
  const last = phrase.tokens.length - 1;
  for (const [step, wanted] of phrase.tokens.entries()) {
    const found = tokens[index + step]?.text;
    const fits = phrase.prefix && step === last ? found?.startsWith(wanted) === true : found === wanted;
    if (!fits) return null;
  }
  const start = tokens[index];
  const end = tokens[index + last];
  if (start === undefined || end === undefined) return null;
  return { start: start.start, end: phrase.prefix ? end.start + (phrase.tokens[last]?.length ?? 0) : end.end };
}

/** Spans in order, overlapping and touching ones as one. */
function merged(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    const before = result.at(-1);
    if (before === undefined || span.start > before.end) result.push(span);
    else result[result.length - 1] = { start: before.start, end: Math.max(before.end, span.end) };
  }
  return result;
}

/** The span after which the most of the others follow within one excerpt. */
function densest(spans: readonly Span[]): Span | null {
  let best: Span | null = null;
  let bestCount = 0;
  let end = 0;
  for (const [index, span] of spans.entries()) {
    while (end < spans.length && (spans[end]?.end ?? 0) <= span.start + excerptLength - leadLength) end++;
    if (end - index > bestCount || best === null) [best, bestCount] = [span, end - index];
  }
  return best;
}

/** A position that isn't inside a surrogate pair. */
function boundary(text: string, position: number): number {
  const inside = /[\uDC00-\uDFFF]/.test(text[position] ?? '') && /[\uD800-\uDBFF]/.test(text[position - 1] ?? '');
  return inside ? position - 1 : position;
}

function marked(text: string, spans: readonly Span[], start: number, end: number): string {
  // Marks that the text itself holds would be taken for ours.
  const plain = (from: number, to: number): string => text.slice(from, to).replace(marks, '');
  let excerpt = '';
  let position = start;
  for (const span of spans) {
    if (span.start < start || span.end > end) continue;
    excerpt += plain(position, span.start) + markBefore + plain(span.start, span.end) + markAfter;
    position = span.end;
  }
  return excerpt + plain(position, end);
}
