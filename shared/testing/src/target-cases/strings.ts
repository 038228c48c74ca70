import { canonicalJson, type Json } from '@mindora/contracts';

const perPlane = 24;

/** Texts that together sample every plane of Unicode, noncharacters and private use included, surrogates not. */
export function everyPlane(): string[] {
  return Array.from({ length: 17 }, (_, plane) => {
    const points = Array.from({ length: perPlane }, (_, i) => plane * 0x10000 + Math.floor((i * 0x10000) / perPlane));
    const edges = [plane * 0x10000 + 1, plane * 0x10000 + 0xfffd, plane * 0x10000 + 0xfffe, plane * 0x10000 + 0xffff];
    const characters = [...points, ...edges].filter((point) => point < 0xd800 || point > 0xdfff);
    return characters.map((point) => String.fromCodePoint(point)).join(' ');
  });
}

/** Strings that somebody's code treats specially. */
export const oddStrings: readonly string[] = [
  '',
  ' leading and trailing ',
  'e\u0301 \u0061\u0308\u0323 \u1100\u1161\u11a8',
  '\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u202eright to left\u202c',
  'zero\u200bwidth\u200d\ufeff\u2060joined',
  '\ufeffstarts with a byte order mark',
  'a\u0000b',
  '\u0000',
  '\u0001\u0007\u001b[31m\u007f\u0085',
  'line\nfeed\r\nreturn\u2028separator\u2029tab\t',
  '\ue000marked\ue001 \uf8ff \u{f0000}',
  '\ufffd \ufffe \uffff \u{1ffff} \u{10ffff}',
  '👩‍👩‍👧‍👦 🇨🇳 ❤️',
  'İstanbul ŞIĞ ß ẞ ﬁ',
  `quotes ' " \` and \\ and \\u0000 and \\n`,
  "'; DROP TABLE x; --",
  '{"json": [1, 2]}',
  '%s %d %% _ * ? [a-z] ^$ .+ (',
  '<script>&amp;</script>',
  'null',
  '0',
  '-0',
  '1e5',
  'true',
];

/** Whether a string anywhere in a value, keys included, holds NUL. */
export function holdsNul(value: Json): boolean {
  return canonicalJson(value) !== canonicalJson(withoutNul(value));
}

/** The value with every NUL left out. */
export function withoutNul(value: Json): Json {
  if (typeof value === 'string') return value.replaceAll('\0', '');
  if (Array.isArray(value)) return value.map(withoutNul);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key.replaceAll('\0', ''), withoutNul(one)]));
}
