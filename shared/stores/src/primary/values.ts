/**
 * Canonical values to cells and back. What is written is checked against the definition; what is read may have been
 * typed by hand, so what can't be made canonical comes back as it is, as a string.
 */
import { type ColumnDefinition, canonicalJson, type Json, parseJson, textLengthMax } from '@mindora/contracts';
import type { Cell } from './sql.ts';

/** Deepest nesting of a JSON value. */
const jsonDepthMax = 100;

/** What is wrong with a value; the caller adds the field's name. Never holds the value itself. */
class UnfitValue extends Error {}

function unfit(reason: string): never {
  throw new UnfitValue(reason);
}

/** The reason that {@link toCell} refused a value for; rethrows anything else. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof UnfitValue) return thrown.message;
  throw thrown;
}

function checkText(value: Json, lengthMax: number): string {
  if (typeof value !== 'string') unfit('must be a string');
  if (!value.isWellFormed()) unfit('is not well-formed Unicode');
  // Characters are code points; a string of few code units can't have too many of them.
  if (value.length > lengthMax && (value.length > 2 * lengthMax || codePoints(value) > lengthMax)) {
    unfit(`is longer than ${lengthMax} characters`);
  }
  return value;
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Short strings are names and keys: engines disagree on NUL in them. Texts may hold it. */
function checkString(value: Json, lengthMax: number): string {
  const text = checkText(value, lengthMax);
  return text.includes('\0') ? unfit('must not contain the NUL character') : text;
}

function checkJson(value: Json, depth = 0): void {
  if (depth > jsonDepthMax) unfit(`is nested deeper than ${jsonDepthMax}`);
  if (typeof value === 'string' && !value.isWellFormed()) unfit('is not well-formed Unicode');
  if (typeof value === 'number' && !Number.isFinite(value)) unfit('holds a number that is not finite');
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    if (!key.isWellFormed()) unfit('is not well-formed Unicode');
    checkJson(member as Json, depth + 1);
  }
}

function jsonText(value: Json): string {
  checkJson(value);
  const text = JSON.stringify(value);
  return text.length > textLengthMax ? unfit(`is longer than ${textLengthMax} characters`) : text;
}

/** A decimal with exactly `scale` digits behind the point; null where the text is no such decimal. */
export function canonicalDecimal(text: string, precision: number, scale: number): string | null {
  const match = /^(-?)0*(\d+)(?:\.(\d*))?$/.exec(text);
  if (match === null) return null;
  const [, sign = '', whole = '', given = ''] = match;
  const fraction = given.replace(/0+$/, '');
  if (fraction.length > scale || (whole === '0' ? 0 : whole.length) > precision - scale) return null;
  const digits = scale === 0 ? whole : `${whole}.${fraction.padEnd(scale, '0')}`;
  return /[1-9]/.test(digits) ? sign + digits : digits;
}

function checkDecimal(value: Json, definition: ColumnDefinition): string {
  const { precision = 0, scale = 0 } = definition;
  // A double with few digits prints as it was written; more digits must come as a string.
  const isShort = typeof value === 'number' && Number.isFinite(value) && Math.abs(value) < 1e12;
  const text = typeof value === 'string' ? value : isShort ? String(value) : unfit('must be a decimal, as a string');
  return canonicalDecimal(text, precision, scale) ?? unfit(`must be a decimal(${precision},${scale})`);
}

const timePattern = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z?$/;

const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** By arithmetic: every row that is read passes here, and a Date is ten times as dear. */
function isDay(text: string): boolean {
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8, 10))];
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 && isLeap ? 29 : (monthDays[month - 1] ?? 0);
  return day >= 1 && day <= days;
}

function isTimeOfDay(text: string): boolean {
  return text.slice(0, 2) <= '23' && text.slice(3, 5) <= '59' && text.slice(6, 8) <= '59';
}

/** Canonical time from an ISO time in UTC, also as SQL shells write it; null where it is neither. */
export function canonicalTime(text: string): string | null {
  const match = timePattern.exec(text);
  if (match === null) return null;
  const [, day = '', time = '', fraction = ''] = match;
  if (!isDay(day) || !isTimeOfDay(time)) return null;
  return `${day}T${time}.${fraction.padEnd(6, '0')}Z`;
}

function checkTime(value: Json): string {
  const time = typeof value === 'string' && value.endsWith('Z') ? canonicalTime(value) : null;
  return time ?? unfit('must be a time in UTC like 2026-01-31T12:00:00.000000Z');
}

function checkDate(value: Json): string {
  const isDate = typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value) && isDay(value);
  return isDate ? value : unfit('must be a date like 2026-01-31');
}

function checkInteger(value: Json): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value + 0 : unfit('must be an integer below 2^53');
}

function checkFloat(value: Json): number {
  return typeof value === 'number' && Number.isFinite(value) ? value + 0 : unfit('must be a finite number');
}

/** A value as it is stored. @throws what {@link reasonOf} explains */
export function toCell(value: Json, definition: ColumnDefinition): Cell {
  if (value === null) return definition.nullable === true ? null : unfit('must not be empty');
  switch (definition.type) {
    case 'string':
      return checkString(value, definition.length ?? 255);
    case 'text':
      return checkText(value, textLengthMax);
    case 'json':
      return jsonText(value);
    case 'integer':
      return checkInteger(value);
    case 'float':
      return checkFloat(value);
    case 'decimal':
      return checkDecimal(value, definition);
    case 'boolean':
      return typeof value === 'boolean' ? Number(value) : unfit('must be true or false');
    case 'time':
      return checkTime(value);
    case 'date':
      return checkDate(value);
    case 'enum':
      return typeof value === 'string' && definition.values?.includes(value) === true
        ? value
        : unfit(`must be one of ${definition.values?.join(', ')}`);
  }
}

function asGiven(cell: unknown): Json {
  if (typeof cell === 'string') return cell;
  return Buffer.isBuffer(cell) ? cell.toString('utf8') : String(cell);
}

function jsonOr(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    // Typed by hand and no JSON: a value that every store can hold and that shows the mistake.
    return text;
  }
}

/** A cell as a canonical value. Never throws. */
export function fromCell(cell: unknown, definition: ColumnDefinition): Json {
  if (cell === null || cell === undefined) return null;
  const text = asGiven(cell);
  switch (definition.type) {
    case 'json':
      return typeof cell === 'string' ? jsonOr(cell) : text;
    case 'integer':
    case 'float':
      return typeof cell === 'number' && Number.isFinite(cell) ? cell + 0 : text;
    case 'boolean':
      return cell === 0 || cell === 1 ? cell === 1 : text;
    case 'decimal':
      return canonicalDecimal(String(text), definition.precision ?? 0, definition.scale ?? 0) ?? text;
    case 'time':
      return canonicalTime(String(text)) ?? text;
    default:
      return text;
  }
}

/** Whether two cells of a column mean the same value. */
export function sameCell(a: unknown, b: unknown, definition: ColumnDefinition): boolean {
  return a === b || canonicalJson(fromCell(a, definition)) === canonicalJson(fromCell(b, definition));
}
