/**
 * Values between documents and columns. What a column would change is refused, so that a document is read back as it
 * was written: PostgreSQL has no NUL in any text, normalises numbers, and moves a time like 23:59:60.
 */
import type { FieldType, Json } from '@mindora/contracts';
import { ContentError } from '../embedded/errors.ts';
import { type Cell, nestingMax, toCell } from '../embedded/values.ts';
import { encodeVectors } from './vectors.ts';

/** What the tables of this engine refuse, for `capabilities.refuses`. */
export const refusedContents: readonly string[] = [
  'fields that are missing or not defined',
  'strings that hold NUL or are not valid Unicode (lone surrogates)',
  `JSON nested deeper than ${nestingMax}`,
  'decimals that are not written as a number is (leading zeros, negative zero), times that do not exist',
  'values of indexed fields longer than some 2,700 bytes',
];

export interface ColumnType {
  /** As PostgreSQL prints it (`format_type`), so that what is there can be compared with it. */
  readonly declared: string;
  /** Text sorts by its bytes. */
  readonly collation: 'C' | null;
  /** Type of the values as they are sent, many at once in one array. */
  readonly sent: string;
  /** Makes the column's value of the one that was sent. */
  cast(sent: string): string;
  /** Selects what {@link decode} understands. */
  select(column: string): string;
  /** Bytes that it will take in an answer, about. */
  size(column: string): string;
  decode(value: unknown): { readonly value: Json; readonly fault: boolean };
}

const same = (name: string): string => name;
const storedSize = (column: string): string => `pg_column_size(${column})`;
const fixedSize = (): string => '8';
const intact = (value: Json) => ({ value, fault: false });
const broken = (value: Json) => ({ value, fault: true });
const decodeSame = (value: unknown) => intact((value ?? null) as Json);

const plain = { collation: null, cast: same, select: same, size: fixedSize, decode: decodeSame } as const;
const textual: ColumnType = {
  ...plain,
  declared: 'text',
  collation: 'C',
  sent: 'text',
  size: (column) => `octet_length(${column})`,
};

const timeFormat = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;

const types: Readonly<Record<Exclude<FieldType, 'vector'>, ColumnType>> = {
  keyword: textual,
  text: textual,
  keywords: {
    ...plain,
    declared: 'text[]',
    collation: 'C',
    sent: 'text',
    cast: (sent) => `${sent}::text[]`,
    size: storedSize,
    decode: (value) => {
      if (value === null) return intact(null);
      const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
      return isList ? intact(value as string[]) : broken(value as Json);
    },
  },
  json: { ...plain, declared: 'jsonb', sent: 'jsonb', size: storedSize },
  float: {
    ...plain,
    declared: 'double precision',
    sent: 'float8',
    decode: (value) => (Number.isFinite(value ?? 0) ? decodeSame(value) : broken(String(value))),
  },
  integer: {
    ...plain,
    declared: 'bigint',
    sent: 'int8',
    decode: (value) => {
      if (value === null) return intact(null);
      return Number.isSafeInteger(Number(value)) ? intact(Number(value)) : broken(String(value));
    },
  },
  decimal: { ...plain, declared: 'numeric', sent: 'numeric', size: storedSize },
  time: {
    ...plain,
    declared: 'timestamp with time zone',
    sent: 'timestamptz',
    select: (column) => `to_char(${column} AT TIME ZONE 'UTC', ${timeFormat})`,
  },
  boolean: { ...plain, declared: 'boolean', sent: 'boolean' },
};

/** The column of a field's type. `dimensions` counts for vectors only. */
export function columnType(type: FieldType, dimensions: number): ColumnType {
  if (type !== 'vector') return types[type];
  return {
    ...plain,
    declared: `vector(${dimensions})`,
    sent: 'vector',
    select: (column) => `vector_send(${column})`,
    size: storedSize,
    decode: (value) => (Buffer.isBuffer(value) ? intact(vectorOfSent(value)) : intact(null)),
  };
}

/** The canonical text of what `vector_send` gives: a header of four bytes, then the values, big end first. */
function vectorOfSent(bytes: Buffer): string {
  return Buffer.from(bytes.subarray(4)).swap32().toString('base64');
}

/** What is bound for a field: text, number, boolean, or a vector's little-endian bytes. */
export type Bound = string | number | boolean | Buffer | null;

/**
 * A field's value as it is bound; null stays null.
 *
 * @throws ContentError where the column can't hold it as it is
 */
export function toBound(field: string, type: FieldType, value: Json): Bound {
  const cell = toCell(field, type, value);
  if (cell === null) return null;
  const problem = problems[type]?.(cell) ?? null;
  if (problem !== null) throw new ContentError(`${field} ${problem}`);
  if (type === 'boolean') return cell === 1;
  return type === 'keywords' ? arrayText(value as string[]) : cell;
}

type Problem = (cell: Cell) => string | null;

const holdsNul = 'holds NUL, which PostgreSQL has not';
const textProblem: Problem = (cell) => (isHoldable(String(cell)) ? null : holdsNul);
const jsonProblem: Problem = (cell) => (hasEscapedNul(String(cell)) ? holdsNul : null);

const problems: Readonly<Partial<Record<FieldType, Problem>>> = {
  keyword: textProblem,
  text: textProblem,
  keywords: jsonProblem,
  json: jsonProblem,
  decimal: (cell) => (isPlainDecimal(String(cell)) ? null : 'is not written as a decimal is'),
  time: (cell) => (isRealTime(String(cell)) ? null : 'is a time that does not exist'),
};

/** Whether a text column can hold it. */
export function isHoldable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** An escaped NUL, and not an escaped backslash before "u0000". */
function hasEscapedNul(json: string): boolean {
  return json.includes('\\u0000') && /(?<!\\)(?:\\\\)*\\u0000/.test(json);
}

function isPlainDecimal(text: string): boolean {
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text) && !/^-[0.]+$/.test(text);
}

function isRealTime(text: string): boolean {
  const seconds = `${text.slice(0, 19)}.000Z`;
  const millis = Date.parse(seconds);
  return !Number.isNaN(millis) && text.slice(0, 4) !== '0000' && new Date(millis).toISOString() === seconds;
}

function arrayText(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

/** The values of one field of many documents as one parameter. `vectorOid` is the type's number in this database. */
export function toParameter(type: FieldType, values: readonly Bound[], vectorOid: number): unknown {
  return type === 'vector' ? encodeVectors(values as (Buffer | null)[], vectorOid) : values;
}
