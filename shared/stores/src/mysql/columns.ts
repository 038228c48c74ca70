/** Values between documents and columns of MySQL and MariaDB. What a column would change is refused. */
import type { FieldType, Json } from '@mindora/contracts';
import { ContentError } from '../embedded/errors.ts';
import { type Cell, fromCell, nestingMax, toCell } from '../embedded/values.ts';

/** Characters of an exact string: as many as an index can hold. */
const keywordLengthMax = 255;
/** Digits of a decimal, and those behind its point; as the primary's points and amounts have them (contracts). */
const decimal = { precision: 20, scale: 2 } as const;

/** What these tables refuse, for `capabilities.refuses`. */
export const refusedContents: readonly string[] = [
  'fields that are missing or not defined',
  'strings that are not valid Unicode (lone surrogates)',
  `JSON nested deeper than ${nestingMax}`,
  `exact strings of more than ${keywordLengthMax} characters`,
  `decimals of more than ${decimal.precision} digits or without exactly ${decimal.scale} behind the point`,
  'times that do not exist',
];

/** A column's declaration, without its name. Texts compare by their bytes, by the table's collation. */
export const declaredTypes: Readonly<Record<Exclude<FieldType, 'vector'>, string>> = {
  keyword: `varchar(${keywordLengthMax})`,
  keywords: 'longtext',
  text: 'longtext',
  // As it was written: a JSON column would order the members anew and round the numbers.
  json: 'longtext',
  float: 'double',
  integer: 'bigint(20)',
  decimal: `decimal(${decimal.precision},${decimal.scale})`,
  time: 'datetime(6)',
  boolean: 'tinyint(1)',
};

/** What is bound for a field. */
export type Bound = string | number | null;

/** @throws ContentError where the column can't hold it as it is */
export function toBound(field: string, type: FieldType, value: Json): Bound {
  const cell = toCell(field, type, value);
  if (cell === null || typeof cell === 'number') return cell;
  const text = String(cell);
  const problem = problems[type]?.(text) ?? null;
  if (problem !== null) throw new ContentError(`${field} ${problem}`);
  // The server takes no Z; its columns are in UTC.
  return type === 'time' ? text.replace('T', ' ').replace('Z', '') : text;
}

type Problem = (text: string) => string | null;

const fitting = new RegExp(`^-?(?:0|[1-9]\\d{0,${decimal.precision - decimal.scale - 1}})\\.\\d{${decimal.scale}}$`);

const problems: Readonly<Partial<Record<FieldType, Problem>>> = {
  keyword: (text) => ([...text].length <= keywordLengthMax ? null : `is longer than ${keywordLengthMax} characters`),
  decimal: (text) =>
    fitting.test(text) && !/^-[0.]+$/.test(text) ? null : `is no decimal(${decimal.precision},${decimal.scale})`,
  time: (text) => (isRealTime(text) ? null : 'is a time that does not exist'),
};

function isRealTime(text: string): boolean {
  const seconds = `${text.slice(0, 19)}.000Z`;
  const millis = Date.parse(seconds);
  return !Number.isNaN(millis) && text >= '1000' && new Date(millis).toISOString() === seconds;
}

/** A cell as a field's value; `fault` where someone else put what the type can't be. */
export function fromBound(type: FieldType, cell: unknown): { readonly value: Json; readonly fault: boolean } {
  if (cell === null || cell === undefined) return { value: null, fault: false };
  if (type === 'time') return timeOf(String(cell));
  if (type === 'integer') {
    const isExact = Number.isSafeInteger(Number(cell));
    return { value: isExact ? Number(cell) : String(cell), fault: !isExact };
  }
  return fromCell(type, cell as Cell);
}

function timeOf(text: string): { value: Json; fault: boolean } {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?$/.exec(text);
  if (match === null) return { value: text, fault: true };
  const [, day = '', time = '', fraction = ''] = match;
  return { value: `${day}T${time}.${fraction.padEnd(6, '0')}Z`, fault: false };
}
