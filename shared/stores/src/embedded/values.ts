/**
 * Values between documents and cells. A cell can't hold every JavaScript value; what it would change is refused, so
 * that a document is read back as it was written.
 */
import type { DocumentDefinition, FieldType, Json, Row } from '@mindora/contracts';
import { decodeVector, encodeVector } from '@mindora/contracts';
import { ContentError } from './errors.ts';

/** What a cell holds. */
export type Cell = null | number | string | Buffer;

/** Deepest nesting of a JSON value; SQLite's own JSON functions end at 1,000. */
export const nestingMax = 256;

/** What no embedded engine holds, for `capabilities.refuses`. */
export const refusedContents: readonly string[] = [
  'fields that are missing or not defined',
  'strings that are not valid Unicode (lone surrogates)',
  `JSON nested deeper than ${nestingMax}`,
];

/** The declared type of a field's column. */
export const columnTypes: Readonly<Record<FieldType, string>> = {
  keyword: 'TEXT',
  keywords: 'TEXT',
  text: 'TEXT',
  json: 'TEXT',
  float: 'REAL',
  integer: 'INTEGER',
  decimal: 'TEXT',
  time: 'TEXT',
  boolean: 'INTEGER',
  vector: 'BLOB',
};

const canonicalTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const canonicalDecimal = /^-?\d{1,64}(\.\d{1,64})?$/;

/**
 * A field's value as a cell; null stays null.
 *
 * @throws ContentError where the cell can't hold it
 */
export function toCell(field: string, type: FieldType, value: Json): Cell {
  if (value === null) return null;
  const cell = encoders[type](value);
  if (cell === undefined) throw new ContentError(`${field} is not a valid ${type}`);
  return cell;
}

type Encoder = (value: Json) => Cell | undefined;

const text: Encoder = (value) => (typeof value === 'string' && value.isWellFormed() ? value : undefined);
const json: Encoder = (value) => {
  assertHoldable(value, 0);
  return JSON.stringify(value);
};

const encoders: Readonly<Record<FieldType, Encoder>> = {
  keyword: text,
  text,
  json,
  keywords: (value) =>
    Array.isArray(value) && value.every((item) => typeof item === 'string') ? json(value) : undefined,
  // The sum makes 0 of -0, which are one value (canonical.ts).
  float: (value) => (typeof value === 'number' && Number.isFinite(value) ? value + 0 : undefined),
  integer: (value) => (Number.isSafeInteger(value) ? Number(value) + 0 : undefined),
  decimal: (value) => (typeof value === 'string' && canonicalDecimal.test(value) ? value : undefined),
  time: (value) => (typeof value === 'string' && canonicalTime.test(value) ? value : undefined),
  boolean: (value) => (typeof value === 'boolean' ? Number(value) : undefined),
  vector: (value) => (typeof value === 'string' ? vectorBytes(value) : undefined),
};

function vectorBytes(value: string): Buffer | undefined {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length % 4 !== 0 || bytes.toString('base64') !== value) return undefined;
  return decodeVector(value).every(Number.isFinite) ? bytes : undefined;
}

/** @throws ContentError where a JSON value would not be read back as it is */
export function assertHoldable(value: Json | undefined, depth: number): void {
  if (depth > nestingMax) throw new ContentError(`JSON is nested deeper than ${nestingMax}`);
  if (value === null || typeof value === 'boolean') return;
  if (typeof value === 'string') {
    assertText(value);
    return;
  }
  if (typeof value === 'number' && Number.isFinite(value)) return;
  if (typeof value !== 'object') throw new ContentError('JSON holds a value that is not JSON');
  if (Array.isArray(value)) {
    for (const item of value) assertHoldable(item, depth + 1);
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    assertText(key);
    assertHoldable(member, depth + 1);
  }
}

function assertText(value: string): void {
  if (!value.isWellFormed()) throw new ContentError('a string is not valid Unicode');
}

/** What a cell is as a field's value. `fault` where someone else put what the type can't be. */
export function fromCell(type: FieldType, cell: Cell): { readonly value: Json; readonly fault: boolean } {
  if (cell === null) return { value: null, fault: false };
  if (type === 'vector') {
    return Buffer.isBuffer(cell) ? { value: vectorText(cell), fault: false } : { value: String(cell), fault: true };
  }
  if (Buffer.isBuffer(cell)) return { value: cell.toString('base64'), fault: true };
  if (type === 'boolean')
    return cell === 0 || cell === 1 ? { value: cell === 1, fault: false } : { value: cell, fault: true };
  if (type === 'json' || type === 'keywords') return parsed(String(cell));
  return { value: cell, fault: false };
}

/** The canonical text of a vector's bytes. */
export function vectorText(bytes: Buffer): string {
  return bytes.length % 4 === 0 ? bytes.toString('base64') : encodeVector([]);
}

function parsed(cell: string): { value: Json; fault: boolean } {
  try {
    return { value: JSON.parse(cell) as Json, fault: false };
  } catch (error) {
    if (error instanceof SyntaxError || (error as Error).name === 'SyntaxError') return { value: cell, fault: true };
    throw error;
  }
}

/** Cells of a document in the order of `fields`. @throws ContentError where it doesn't have just the defined fields */
export function documentCells(
  definition: DocumentDefinition,
  fields: readonly (readonly [string, FieldType])[],
  document: Row,
): Cell[] {
  assertFields(definition, document);
  return fields.map(([field, type]) => toCell(field, type, document[field] ?? null));
}

/** @throws ContentError where a document lacks a field of its definition or has another */
export function assertFields(definition: DocumentDefinition, document: Row): void {
  for (const field of Object.keys(document)) {
    if (!Object.hasOwn(definition.fields, field))
      throw new ContentError('the document has a field that is not defined');
  }
  for (const field of Object.keys(definition.fields)) {
    if (document[field] === undefined) throw new ContentError(`the document lacks ${field}`);
  }
}
