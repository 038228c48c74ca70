/**
 * Filters of the document store, with the meaning they have in MongoDB. Evaluated here, over the documents that SQL
 * selects by indexed fields, and not translated to SQL whole: SQL compares across types and knows no arrays.
 *
 * One difference is meant: objects are equal whatever the order of their keys, as everywhere in Mindora.
 */
import { canonicalJson, compareKeys, type Json, type Row } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { RE2JS } from 're2js';
import { ContentError } from '../embedded/errors.ts';
import { assertHoldable } from '../embedded/values.ts';
import { type Value, valuesAt } from './paths.ts';
import type { DocumentFilter } from './port.ts';

export const filterDepthMax = 8;
export const filterConditionsMax = 64;
const listLengthMax = 1000;
const pathLengthMax = 512;
const patternLengthMax = 512;

/** A comparison of one field that every match fulfils; SQL may use it to select candidates. */
export interface Necessity {
  readonly field: string;
  readonly operator: '=' | '>' | '>=' | '<' | '<=';
  readonly value: string;
}

export interface ParsedFilter {
  matches(document: Row): boolean;
  readonly necessities: readonly Necessity[];
}

type Test = (document: Row) => boolean;
/** A test of all values that a path leads to. */
type ValueTest = (values: readonly Value[]) => boolean;

/** @throws MindoraError `invalid_filter` */
export function parseFilter(filter: DocumentFilter): ParsedFilter {
  const parser = new FilterParser();
  const matches = parser.filter(filter, 1, true);
  return { matches, necessities: parser.necessities };
}

function invalid(detail: string): MindoraError {
  return new MindoraError('invalid_filter', detail);
}

class FilterParser {
  readonly necessities: Necessity[] = [];
  #conditions = 0;

  /** `necessary`: every match of the whole fulfils this part. */
  filter(filter: Json, depth: number, necessary: boolean): Test {
    if (!isObject(filter)) throw invalid('a filter must be an object');
    if (depth > filterDepthMax) throw invalid(`the filter is nested deeper than ${filterDepthMax}`);
    const tests = Object.entries(filter).map(([name, value]) => {
      if (name.startsWith('$')) return this.#logical(name, value, depth, necessary);
      return this.#field(name, value, depth, necessary);
    });
    return (document) => tests.every((test) => test(document));
  }

  #logical(name: string, value: Json, depth: number, necessary: boolean): Test {
    if (name !== '$and' && name !== '$or' && name !== '$nor') throw unknownOperator(name, '$and, $or, $nor');
    if (!Array.isArray(value) || value.length === 0) throw invalid(`${name} needs a list of filters`);
    this.#count(value.length);
    const tests = value.map((part) => this.filter(part, depth + 1, necessary && name === '$and'));
    if (name === '$and') return (document) => tests.every((test) => test(document));
    if (name === '$or') return (document) => tests.some((test) => test(document));
    return (document) => !tests.some((test) => test(document));
  }

  #field(name: string, value: Json, depth: number, necessary: boolean): Test {
    const path = parsePath(name);
    const test = isOperators(value)
      ? this.#operators(name, value, depth, necessary)
      : this.#equals(name, value, necessary);
    return (document) => test(valuesAt(document, path));
  }

  #operators(name: string, operators: Record<string, Json>, depth: number, necessary: boolean): ValueTest {
    if (depth > filterDepthMax) throw invalid(`the filter is nested deeper than ${filterDepthMax}`);
    if (operators.$options !== undefined && operators.$regex === undefined) throw invalid('$options needs $regex');
    const tests = Object.entries(operators)
      .filter(([operator]) => operator !== '$options')
      .map(([operator, value]) => {
        if (operator === '$regex') return this.#regex(value, operators.$options);
        if (operator === '$eq') return this.#equals(name, value, necessary);
        if (operator === '$not') return this.#not(name, value, depth);
        return this.#comparison(name, operator, value, necessary);
      });
    return (values) => tests.every((test) => test(values));
  }

  #not(name: string, value: Json, depth: number): ValueTest {
    if (!isOperators(value)) throw invalid('$not needs an object of operators');
    const test = this.#operators(name, value, depth + 1, false);
    return (values) => !test(values);
  }

  #equals(name: string, value: Json, necessary: boolean): ValueTest {
    this.#count(1);
    assertOperand(value);
    if (necessary && typeof value === 'string') this.necessities.push({ field: name, operator: '=', value });
    return equality(value);
  }

  #comparison(name: string, operator: string, value: Json, necessary: boolean): ValueTest {
    this.#count(1);
    if (operator === '$exists') return existence(value);
    if (operator === '$in' || operator === '$nin') return membership(operator, value);
    assertOperand(value);
    if (operator === '$ne') return negated(equality(value));
    const sign = order[operator];
    if (sign === undefined) throw unknownOperator(operator, fieldOperators);
    if (typeof value === 'object' && value !== null) throw invalid(`${operator} compares no objects and lists`);
    if (necessary && typeof value === 'string') this.necessities.push({ field: name, operator: sign, value });
    return (values) => values.some((found) => compares(found, sign, value));
  }

  #regex(pattern: Json, options: Json | undefined): ValueTest {
    this.#count(1);
    if (typeof pattern !== 'string' || pattern.length > patternLengthMax) {
      throw invalid(`$regex needs a text of at most ${patternLengthMax} characters`);
    }
    if (options !== undefined && options !== '' && options !== 'i') throw invalid('$options knows only i');
    const compiled = compile(pattern, options === 'i');
    return (values) => values.some((value) => typeof value === 'string' && compiled.matcher(value).find());
  }

  #count(conditions: number): void {
    this.#conditions += conditions;
    if (this.#conditions > filterConditionsMax)
      throw invalid(`the filter has more than ${filterConditionsMax} conditions`);
  }
}

/** An engine in linear time: no pattern, however made, takes longer than its length times the text's. */
function compile(pattern: string, ignoreCase: boolean): RE2JS {
  try {
    return RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  } catch (error) {
    throw new MindoraError(
      'invalid_filter',
      '$regex is not a valid pattern (back references and look-around are not)',
      {
        cause: error,
      },
    );
  }
}

const order: Readonly<Record<string, Exclude<Necessity['operator'], '='>>> = {
  $gt: '>',
  $gte: '>=',
  $lt: '<',
  $lte: '<=',
};

function parsePath(name: string): string[] {
  const path = name.split('.');
  if (name.length > pathLengthMax || path.some((part) => part === '' || part.startsWith('$'))) {
    throw invalid('a field path is empty, too long or has a part that starts with $');
  }
  if (!name.isWellFormed()) throw invalid('a field path is not valid Unicode');
  return path;
}

function equality(value: Json): ValueTest {
  if (typeof value !== 'object') return (values) => values.includes(value);
  if (value === null) return (values) => values.some((found) => found === null || found === undefined);
  const wanted = canonicalJson(value);
  return (values) => values.some((found) => isStructure(found) && canonicalJson(found) === wanted);
}

function membership(operator: '$in' | '$nin', value: Json): ValueTest {
  if (!Array.isArray(value) || value.length > listLengthMax) {
    throw invalid(`${operator} needs a list of at most ${listLengthMax} values`);
  }
  for (const item of value) assertOperand(item);
  const scalars = new Set<Value>(value.filter((item) => typeof item !== 'object'));
  const others = value.filter((item) => typeof item === 'object').map(equality);
  const found: ValueTest = (values) =>
    values.some((candidate) => scalars.has(candidate)) || others.some((test) => test(values));
  return operator === '$in' ? found : negated(found);
}

function existence(value: Json): ValueTest {
  if (typeof value !== 'boolean') throw invalid('$exists needs true or false');
  return (values) => values.some((found) => found !== undefined) === value;
}

function negated(test: ValueTest): ValueTest {
  return (values) => !test(values);
}

/** Only values of one type compare; null also stands for what is missing, and only equals. */
function compares(found: Value, sign: Exclude<Necessity['operator'], '='>, value: Json): boolean {
  if (value === null) return (found === null || found === undefined) && sign.endsWith('=');
  if (typeof found !== typeof value) return false;
  const difference = typeof value === 'string' ? compareKeys(String(found), value) : Number(found) - Number(value);
  if (sign === '>') return difference > 0;
  if (sign === '>=') return difference >= 0;
  return sign === '<' ? difference < 0 : difference <= 0;
}

function assertOperand(value: Json): void {
  if (isOperators(value)) throw invalid('an operator stands where a value should');
  try {
    assertHoldable(value, 0);
  } catch (error) {
    throw invalid(error instanceof ContentError ? error.message : 'a value is not JSON');
  }
}

function isStructure(value: Value): value is Json[] | { [key: string]: Json } {
  return typeof value === 'object' && value !== null;
}

function isObject(value: Json): value is { [key: string]: Json } {
  return isStructure(value) && !Array.isArray(value);
}

function isOperators(value: Json): value is { [key: string]: Json } {
  if (!isObject(value)) return false;
  const names = Object.keys(value);
  const operators = names.filter((name) => name.startsWith('$')).length;
  if (operators > 0 && operators < names.length) throw invalid('operators and fields are mixed in one object');
  return operators > 0;
}

const fieldOperators = '$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $regex, $not';

function unknownOperator(name: string, known: string): MindoraError {
  return invalid(`unknown operator ${shown(name)}; there are ${known}`);
}

/** A name from a client, short enough for a message. */
function shown(name: string): string {
  return /^\$[A-Za-z]{1,32}$/.test(name) ? name : 'that starts with $';
}
