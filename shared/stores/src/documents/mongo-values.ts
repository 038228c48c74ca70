/**
 * Documents between JSON and BSON. Every value of JSON has its own in BSON, but not every key: NUL is impossible, dots
 * and leading dollars are reachable by no query, `$ref`, `_bsontype` and `__proto__` mean something to drivers. Such
 * keys are written with `%` and the character's code, inside the documents and in paths of queries alike.
 */
import type { DocumentDefinition, FieldType, Json, Row } from '@mindora/contracts';
import { BSON } from 'mongodb';
import { ContentError } from '../embedded/errors.ts';
import { documentCells, refusedContents } from '../embedded/values.ts';

/** What sync notes of a document lies beside its fields, so that one write changes both. */
export interface StoredDocument {
  readonly _id: string;
  readonly _version?: unknown;
  /** When queries stop seeing it; the server removes it then, by a TTL index. */
  readonly _expires_at?: unknown;
  /** Of a tombstone, which has no fields. */
  readonly _deleted_at?: unknown;
  readonly [field: string]: unknown;
}

export const noted: ReadonlySet<string> = new Set(['_id', '_version', '_expires_at', '_deleted_at']);

/** The server's own bound of nesting is 100, the document's own levels included. */
const nestingMax = 96;
const documentBytesMax = 16 * 1024 * 1024;

export const refusedByMongo: readonly string[] = [
  ...refusedContents.filter((content) => !content.startsWith('JSON nested')),
  `JSON nested deeper than ${nestingMax}`,
  'documents larger than 16 MB',
];

/** Names that drivers take for something of their own. */
const meaningful = new Set(['_bsontype', '__proto__']);

/** A key or a part of a path as the server holds it. */
export function encodeKey(key: string): string {
  if (key === '') return '%';
  const plain = key.replace(/[%.\0]|^\$/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return meaningful.has(plain) ? `%5f${plain.slice(1)}` : plain;
}

function decodeKey(key: string): string {
  if (key === '%') return '';
  return key.replace(/%([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** The fields of a document. @throws ContentError where it doesn't fit its definition, or the server */
export function encodeFields(definition: DocumentDefinition, document: Row): Record<string, unknown> {
  const fields: [string, FieldType][] = Object.entries(definition.fields);
  documentCells(definition, fields, document);
  const encoded = Object.fromEntries(fields.map(([field]) => [field, encodeValue(document[field] ?? null, 1)]));
  if (BSON.calculateObjectSize(encoded) > documentBytesMax - 1024)
    throw new ContentError('the document is larger than 16 MB');
  return encoded;
}

function encodeValue(value: Json, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value === 0 ? 0 : value;
  if (depth > nestingMax) throw new ContentError(`JSON is nested deeper than ${nestingMax}`);
  if (Array.isArray(value)) return value.map((item) => encodeValue(item, depth + 1));
  const members = Object.entries(value).map(([key, member]) => [encodeKey(key), encodeValue(member, depth + 1)]);
  return Object.fromEntries(members);
}

/** A document as it was before it was encoded. `foreign` where somebody else put what is not JSON. */
export function decodeFields(stored: StoredDocument): { readonly document: Row; readonly foreign: boolean } {
  const decoding = new Decoding();
  const fields = Object.entries(stored).filter(([field]) => !noted.has(field));
  const document = Object.fromEntries(fields.map(([field, value]) => [field, decoding.value(value)]));
  return { document, foreign: decoding.foreign };
}

class Decoding {
  foreign = false;

  value(value: unknown): Json {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    if (isPlain(value)) {
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [decodeKey(key), this.value(member)]));
    }
    this.foreign = true;
    return String(value);
  }
}

/** An object of no class: dates, ids and other values of BSON have one. */
function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
