/**
 * Canonical values: what two stores must agree on. Equality of two documents is equality of their canonical JSON.
 *
 * - decimals and 64-bit integers are strings ("12.50", "9007199254740993"), because a double can't hold them
 * - times are UTC with microseconds, `YYYY-MM-DDTHH:MM:SS.ffffffZ`; dates are `YYYY-MM-DD`
 * - vectors are the base64 of their little-endian float32 bytes
 * - a fixed field is always present (null where empty); inside free JSON null and missing differ
 * - strings are compared as they are: no Unicode normalisation, no trimming; keys compare as UTF-8 bytes
 * - -0 is 0; NaN and infinities are not values
 */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A record or a document: a flat set of named canonical values. */
export type Row = { [field: string]: Json };

/** JSON with keys in code-unit order and no white space: equal values give equal text. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError('not a canonical number');
    return JSON.stringify(value === 0 ? 0 : value);
  }
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(',')}}`;
}

/** What may be an integer beyond 2^53 (the digits behind a point are none, and floats have many), or beyond any. */
const manyDigits = /(?<![\d.])\d{16,}(?![\d.eE])|[eE]\+?\d{3}/;

/**
 * Parses JSON so that no number silently changes: an integer beyond 2^53 becomes its digits as a string.
 *
 * @throws SyntaxError where the text is not JSON
 */
export function parseJson(text: string): Json {
  if (!manyDigits.test(text)) return JSON.parse(text) as Json;
  return JSON.parse(
    text,
    exactNumbers((source) => source),
  ) as Json;
}

/** Thrown by {@link parseJsonStrictly}. */
export class UnsafeNumberError extends Error {
  readonly source: string;
  constructor(source: string) {
    super(`the number ${source.slice(0, 40)} can't be represented exactly`);
    this.name = 'UnsafeNumberError';
    this.source = source;
  }
}

/**
 * Parses JSON from a client: a number that a double can't hold is refused, never rounded.
 *
 * @throws SyntaxError where the text is not JSON
 * @throws UnsafeNumberError where an integer is beyond 2^53, or a number beyond a double
 */
export function parseJsonStrictly(text: string): Json {
  if (!manyDigits.test(text)) return JSON.parse(text) as Json;
  return JSON.parse(
    text,
    exactNumbers((source) => {
      throw new UnsafeNumberError(source);
    }),
  ) as Json;
}

type Reviver = (key: string, value: unknown) => unknown;

function exactNumbers(onUnsafe: (source: string) => Json): Reviver {
  // The third argument (the number's source text) is ES2025; the type library doesn't know it yet.
  const reviver = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    if (typeof value !== 'number' || context?.source === undefined) return value;
    const exact = Number.isSafeInteger(value) || (Number.isFinite(value) && !/^-?\d+$/.test(context.source));
    return exact ? value : onUnsafe(context.source);
  };
  return reviver as Reviver;
}

/** Microseconds since 1970 (safe until the year 2255) as canonical time. */
export function timeFromMicros(micros: number): string {
  const millis = Math.floor(micros / 1000);
  const rest = String(micros - millis * 1000).padStart(3, '0');
  return `${new Date(millis).toISOString().slice(0, -1)}${rest}Z`;
}

/** Canonical time, or an ISO time with fewer digits, as milliseconds since 1970; NaN where it is neither. */
export function millisOfTime(time: string): number {
  return Date.parse(time);
}

/** Float32 values as canonical text. */
export function encodeVector(values: ArrayLike<number>): string {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(i * 4, values[i] ?? 0, true);
  return Buffer.from(bytes.buffer).toString('base64');
}

/** The inverse of {@link encodeVector}. */
export function decodeVector(text: string): Float32Array {
  const bytes = Buffer.from(text, 'base64');
  const values = new Float32Array(bytes.length >> 2);
  for (let i = 0; i < values.length; i++) values[i] = bytes.readFloatLE(i * 4);
  return values;
}

/** Order of keys as UTF-8 bytes, the same in every store. UTF-16 order differs for characters beyond U+FFFF. */
export function compareKeys(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}
