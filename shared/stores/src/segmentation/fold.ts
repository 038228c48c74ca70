/**
 * Folding of text for comparison: width and compatibility forms (NFKC), case, what a reader doesn't see (joiners,
 * variation selectors), and the vowel signs and letter variants that Arabic and Hebrew writers leave out at will.
 */

/** Default ignorables, tatweel and tashkeel, niqqud, and the emoji skin tones. */
const unseen =
  /[\p{Default_Ignorable_Code_Point}\u0640\u064B-\u065F\u0670\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7]|\p{Emoji_Modifier}/gu;

const variants: Readonly<Record<string, string>> = {
  ß: 'ss',
  ς: 'σ',
  أ: 'ا',
  إ: 'ا',
  آ: 'ا',
  ٱ: 'ا',
  ى: 'ي',
};
const variant = /[ßςأإآٱى]/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the whole of ASCII is meant
const asciiOnly = /^[\x00-\x7f]*$/;

/** Folded text: two texts that differ only in width, case or invisible signs fold to the same. */
export function foldText(text: string): string {
  if (asciiOnly.test(text)) return text.toLowerCase();
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(unseen, '')
    .replace(variant, (letter) => variants[letter] ?? letter);
}

/** Folded text with, for each of its UTF-16 units (and its end), where in the original it comes from. */
export interface FoldedText {
  readonly text: string;
  readonly offsets: Uint32Array;
}

/** A base character with its marks, or conjoining jamo, which NFKC composes across characters. */
const cluster = /[\u1100-\u11ff]+|[\s\S][\p{M}\uff9e\uff9f]*/gu;

/** Folds cluster by cluster, so that a match in the folded text can be shown in the original. */
export function foldWithOffsets(original: string): FoldedText {
  const parts: string[] = [];
  const offsets: number[] = [];
  for (const match of original.matchAll(cluster)) {
    const folded = foldText(match[0]);
    parts.push(folded);
    for (let i = 0; i < folded.length; i++) offsets.push(match.index);
  }
  offsets.push(original.length);
  return { text: parts.join(''), offsets: Uint32Array.from(offsets) };
}
