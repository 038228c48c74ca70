/**
 * From folded text to tokens. Scripts that put spaces between words give words. Scripts that don't (Chinese, Japanese,
 * Thai, Lao, Khmer, Burmese ...), and Korean, whose particles stick to the word, give overlapping pairs of characters:
 *
 *     人民共和国 -> 人民 民共 共和 和国 国
 *
 * Pairs, and not the words of a dictionary, because the words that a segmenter finds depend on what stands around
 * them: "产品和服务" and "和服" would never meet, or meet in one engine and not in another. With pairs a text is found
 * by every part of it, by construction; dictionaries only choose what the words of a *query* are, and rank (words.ts).
 * The last character of a run stands alone, so that each character begins exactly one token, and a query of one
 * character is a query for a prefix.
 */

/** Scripts without spaces between words, and Hangul. */
const unspaced =
  '[[\\p{scx=Hani}\\p{scx=Hira}\\p{scx=Kana}\\p{scx=Bopo}\\p{scx=Hang}\\p{scx=Thai}\\p{scx=Laoo}\\p{scx=Khmr}' +
  '\\p{scx=Mymr}\\p{scx=Tibt}\\p{scx=Yiii}\\p{scx=Tale}\\p{scx=Talu}\\p{scx=Lana}\\p{scx=Tavt}\\p{scx=Java}' +
  '\\p{scx=Bali}]&&[\\p{L}\\p{M}\\p{N}]]';
const letter = `[[\\p{L}\\p{M}\\p{N}]--${unspaced}]`;

/**
 * A run of an unspaced script; a word, with its inner apostrophes, number separators, and a trailing ++ or # (C++, C#);
 * or an emoji. The parts of a word are tokens of their own, in a row: 3.14 is `3 14`, c++ is `c ++`.
 */
const pieces = new RegExp(
  `(${unspaced}+)` +
    `|(\\p{Nd}+(?:[.,:\\/\\-]\\p{Nd}+)+(?!${letter})|${letter}+(?:['’]${letter}+)*(?:\\+\\+|#)?)` +
    '|(?:\\p{RI}{2}|\\p{Extended_Pictographic})',
  'gv',
);
const wordParts = new RegExp(`${letter}+|\\+\\+|#`, 'gv');

/** Longest token in UTF-16 units; the engine has a limit of its own, and nobody types more. */
const tokenLengthMax = 100;

/** A token and where it stands in the folded text. */
export interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A piece of text that belongs together: a run of an unspaced script, a word of one or more tokens, or a sign. */
export interface Piece {
  readonly kind: 'run' | 'word' | 'sign';
  readonly text: string;
  readonly start: number;
}

/** The pieces of a folded text, in order. */
export function* piecesOf(folded: string): Generator<Piece> {
  for (const match of folded.matchAll(pieces)) {
    const [text, run, word] = match;
    const kind = run !== undefined ? 'run' : word !== undefined ? 'word' : 'sign';
    yield { kind, text, start: match.index };
  }
}

/** The tokens of a piece, in order. */
export function tokensOf(piece: Piece): Token[] {
  if (piece.kind === 'run') return pairs(piece);
  if (piece.kind === 'sign') return [token(piece.text, piece.start)];
  const tokens: Token[] = [];
  for (const part of piece.text.matchAll(wordParts)) tokens.push(token(part[0], piece.start + part.index));
  return tokens;
}

function token(text: string, start: number): Token {
  return { text: text.slice(0, tokenLengthMax), start, end: start + text.length };
}

function pairs(piece: Piece): Token[] {
  const characters = Array.from(piece.text);
  const tokens: Token[] = [];
  let start = piece.start;
  for (const [index, character] of characters.entries()) {
    tokens.push(token(character + (characters[index + 1] ?? ''), start));
    start += character.length;
  }
  return tokens;
}

/** All tokens of a folded text. */
export function tokenize(folded: string): Token[] {
  const tokens: Token[] = [];
  for (const piece of piecesOf(folded)) for (const one of tokensOf(piece)) tokens.push(one);
  return tokens;
}

/** The text to index: the tokens with one space between them. */
export function segmentedText(folded: string): string {
  return tokenize(folded)
    .map((one) => one.text)
    .join(' ');
}
