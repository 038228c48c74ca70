/**
 * Values of the earlier database as the contract has them. Each conversion says what it changed beyond the way of
 * writing. What it can't convert it leaves, for the contract's schema to refuse.
 */
import { type ColumnDefinition, type Json, parseJson, parseJsonStrictly, UnsafeNumberError } from '@mindora/contracts';
import { canonicalDecimal, canonicalTime } from '@mindora/stores/primary/values';

/** What the earlier database says of the column that a value comes from. */
export interface ColumnFacts {
  /** As information_schema names it: `timestamp`, `datetime`, `varchar`. */
  readonly type: string;
}

export interface Surroundings {
  /** What DATETIME is in, in minutes before UTC: it has no zone of its own. */
  readonly offsetMinutes: number;
  /** The zone in which the server shows TIMESTAMP to people; they are read in UTC. */
  readonly serverZone: string;
}

export interface Converted {
  /** Undefined: left out, so that the field's default or the service decides. */
  readonly value: Json | undefined;
  /** What was changed, in words; null where nothing was. */
  readonly change: string | null;
}

const as = (value: Json | undefined, change: string | null = null): Converted => ({ value, change });

/** @param text what the database answers, cast to text; null where the column is empty */
export function convert(
  text: string | null,
  column: ColumnDefinition,
  facts: ColumnFacts,
  surroundings: Surroundings,
): Converted {
  if (text === null) return emptyOf(column);
  switch (column.type) {
    case 'string':
      return text === '' && column.nullable === true ? as(null, 'an empty text became null') : as(text);
    case 'integer':
      return as(numberOf(text));
    case 'float':
      return as(numberOf(text));
    case 'boolean':
      return booleanOf(text);
    case 'enum':
      return enumOf(text, column);
    case 'decimal':
      return decimalOf(text, column);
    case 'time':
      return timeOf(text, column, facts, surroundings);
    case 'json':
      return jsonOf(text);
    default:
      return as(text);
  }
}

function emptyOf(column: ColumnDefinition): Converted {
  if (column.nullable === true) return as(null);
  if (column.default !== undefined) return as(undefined, `null became ${column.default}, the default`);
  return column.managed === true ? as(undefined, 'null became the time of the migration') : as(null);
}

function numberOf(text: string): Json {
  const value = Number(text);
  return text.trim() === '' || !Number.isFinite(value) ? text : value;
}

function booleanOf(text: string): Converted {
  if (text === '0' || text === '1') return as(text === '1');
  return /^-?\d+$/.test(text) ? as(true, 'a number other than 0 and 1 became true') : as(text);
}

function enumOf(text: string, { values = [] }: ColumnDefinition): Converted {
  if (values.includes(text)) return as(text);
  const word = text.trim().toLowerCase();
  return values.includes(word) ? as(word, 'written as the contract has it: small letters, no spaces') : as(text);
}

function decimalOf(text: string, { precision = 0, scale = 0 }: ColumnDefinition): Converted {
  const value = canonicalDecimal(text, precision, scale);
  if (value === null || value === text) return as(value ?? text);
  return as(value, `written with ${scale} digits behind the point; the value is the same`);
}

const zeroDate = /^0000-00-00/;

function timeOf(text: string, column: ColumnDefinition, { type }: ColumnFacts, it: Surroundings): Converted {
  if (zeroDate.test(text)) {
    const { value } = emptyOf(column);
    return as(value, `a zero date became ${value === null ? 'null' : 'the time of the migration'}`);
  }
  const time = canonicalTime(text);
  if (time === null) return as(text);
  if (type === 'timestamp') {
    return as(
      time,
      isUtc(it.serverZone) ? null : `shown in ${it.serverZone} before, in UTC now; the moment is the same`,
    );
  }
  return as(shifted(time, it.offsetMinutes), `had no zone, and was taken as ${offsetText(it.offsetMinutes)}`);
}

function isUtc(zone: string): boolean {
  return /^(UTC|GMT|[+-]00:00|Etc\/UTC)$/i.test(zone);
}

/** The moment that a clock which is `minutes` ahead of UTC showed so. */
function shifted(time: string, minutes: number): string {
  const seconds = time.slice(0, 19);
  const moment = new Date(Date.parse(`${seconds}Z`) - minutes * 60_000);
  return `${moment.toISOString().slice(0, 19)}${time.slice(19)}`;
}

/** `+08:00` of 480. */
export function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  const two = (part: number): string => String(part).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** A client that encoded an object twice left a text of JSON in JSON; `json.dumps(None)` left "null". */
function jsonOf(text: string): Converted {
  const value = parsed(text);
  if (value === undefined) return as(text);
  const inner = typeof value === 'string' ? parsed(value) : undefined;
  if (typeof inner === 'object' && inner !== null) {
    return as(inner, 'JSON in a text of JSON became what it holds');
  }
  return as(value, hasUnsafeNumber(text) ? 'an integer beyond 2^53 became its digits in a text' : null);
}

function parsed(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    // The answer, not a failure: the schema refuses the text.
    return undefined;
  }
}

function hasUnsafeNumber(text: string): boolean {
  try {
    parseJsonStrictly(text);
    return false;
  } catch (thrown) {
    return thrown instanceof UnsafeNumberError;
  }
}
