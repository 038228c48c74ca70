/** What a search asks for. Nothing of a query reaches the engine but tokens, each in quotes (see matchExpression). */
import { MindoraError } from '@mindora/runtime';
import { foldText } from '../segmentation/fold.ts';
import { type Piece, piecesOf, tokensOf } from '../segmentation/tokens.ts';
import { wordsOfRun } from '../segmentation/words.ts';

/** Something that must be found: tokens in a row. */
export interface Phrase {
  readonly tokens: readonly string[];
  /** The last token need only begin so: it is the single character at the end of a run (segmentation/tokens.ts). */
  readonly prefix: boolean;
  /** The word in full where it is a Chinese one: a document that holds it as a word ranks higher. */
  readonly word: string | null;
}

const queryLengthMax = 2_000;
const phrasesMax = 100;

/** Straight and typographic quotes; what stands between two of them is a phrase. */
const quotes = /["“”„＂]/u;

/**
 * The phrases of a query: its words, each once, and what stands in quotes, whole. None where it holds no words.
 *
 * @throws MindoraError `invalid_request` where it is too long
 */
export function parseQuery(query: string): Phrase[] {
  if (query.length > queryLengthMax) throw tooLong();
  const sections = query.split(quotes);
  const phrases = new Map<string, Phrase>();
  for (const [index, section] of sections.entries()) {
    // Odd sections stand in quotes, unless the closing one is missing.
    const quoted = index % 2 === 1 && index < sections.length - 1;
    const folded = foldText(section);
    for (const phrase of quoted ? wholePhrase(folded) : wordPhrases(folded)) {
      phrases.set(`${phrase.prefix ? '*' : ''}${phrase.tokens.join(' ')}`, phrase);
    }
  }
  if (phrases.size > phrasesMax) throw tooLong();
  return [...phrases.values()];
}

function tooLong(): MindoraError {
  return new MindoraError(
    'invalid_request',
    `query must have at most ${queryLengthMax} characters, ${phrasesMax} words`,
  );
}

function wholePhrase(folded: string): Phrase[] {
  const phrase = phraseOf([...piecesOf(folded)], null);
  return phrase === null ? [] : [phrase];
}

function* wordPhrases(folded: string): Generator<Phrase> {
  for (const piece of piecesOf(folded)) {
    const words = piece.kind === 'run' ? wordsOfRun(piece.text) : [piece.text];
    for (const text of words) {
      const word = piece.kind === 'run' && text.length > 1 ? text : null;
      const phrase = phraseOf([{ ...piece, text }], word);
      if (phrase !== null) yield phrase;
    }
  }
}

/**
 * Where a phrase ends inside a run, its last character isn't the last of the document's run: a run of several
 * characters leaves that token out, for the pair before it holds the character; a single one becomes a prefix.
 */
function phraseOf(pieces: readonly Piece[], word: string | null): Phrase | null {
  const tokens = pieces.flatMap(tokensOf).map((token) => token.text);
  const last = pieces.at(-1);
  if (last === undefined || tokens.length === 0) return null;
  if (last.kind !== 'run') return { tokens, prefix: false, word };
  const single = tokensOf(last).length === 1;
  return single ? { tokens, prefix: true, word } : { tokens: tokens.slice(0, -1), prefix: false, word };
}

/**
 * The engine's expression for all of the phrases. Tokens are letters, digits and signs without quotes by construction;
 * in quotes nothing of them is syntax. The alternative by `wordsColumn` finds nothing further: it adds to the score.
 */
export function matchExpression(phrases: readonly Phrase[], fields: readonly string[], wordsColumn: string): string {
  const columns = `{${fields.join(' ')}}`;
  const terms = phrases.map(({ tokens, prefix, word }) => {
    const found = `${columns} : ${quotedTokens(tokens)}${prefix ? ' *' : ''}`;
    return word === null ? `(${found})` : `((${found}) OR (${wordsColumn} : ${quotedTokens([word])}))`;
  });
  return terms.join(' AND ');
}

function quotedTokens(tokens: readonly string[]): string {
  return `"${tokens.join(' ').replaceAll('"', '')}"`;
}
