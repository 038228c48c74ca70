/** Documents as objects, and back. What an object would change is refused. */
import {
  type DocumentDefinition,
  decodeVector,
  type EntityName,
  encodeVector,
  type FieldType,
  type Json,
  millisOfTime,
  type Row,
} from '@mindora/contracts';
import { ContentError, documentCells, type Found } from '../embedded/index.ts';
import type { ApplyItem } from '../port.ts';
import type { NewObject, Properties, ReadObject } from './weaviate-class.ts';
import { uuidOf } from './weaviate-ids.ts';
import { exactProperty, expiryProperty, versionProperty } from './weaviate-schema.ts';

/** Under which UUID a record's object is kept. */
export function objectUuid(entity: EntityName, id: string): string {
  return uuidOf('record', entity, id);
}

/** @throws ContentError where the store doesn't take the document */
export function toObject(
  definition: DocumentDefinition,
  dimensions: number,
  { entity, id, version, expiresAt }: ApplyItem,
  document: Row,
): NewObject {
  const fields = Object.entries(definition.fields);
  const cells = documentCells(definition, fields, document);
  const properties: Properties = { [versionProperty]: version };
  if (expiresAt !== null) properties[expiryProperty] = expiresAt;
  for (const [i, [field, type]] of fields.entries()) {
    const cell = cells[i] ?? null;
    if (cell === null || Buffer.isBuffer(cell)) continue;
    properties[field] = cell;
    if (type === 'time') properties[exactProperty(field)] = cell;
  }
  return { id: objectUuid(entity, id), properties, vector: vectorOf(document, dimensions) };
}

function vectorOf(document: Row, dimensions: number): Float32Array {
  if (typeof document.vector !== 'string') throw new ContentError('the vector is missing');
  const values = decodeVector(document.vector);
  if (values.length !== dimensions) {
    throw new ContentError(`the vector has ${values.length} dimensions, the store ${dimensions}`);
  }
  // Without a direction it has no distance to anything.
  if (values.every((value) => value === 0)) throw new ContentError('the vector is all zeros');
  return values;
}

/** What of an object is ours to know without reading it whole. */
export interface Head {
  /** Null where sync did not write it. */
  readonly version: number | null;
  readonly expiresAt: number | null;
  /** What the object's key says. */
  readonly key: string | null;
}

export function headOf({ key }: DocumentDefinition, { properties }: ReadObject): Head {
  const version = properties[versionProperty];
  const expiresAt = properties[expiryProperty];
  const id = properties[key];
  return {
    version: Number.isSafeInteger(version) ? Number(version) : null,
    expiresAt: typeof expiresAt === 'number' ? expiresAt : null,
    key: typeof id === 'string' ? id : null,
  };
}

/** Properties that {@link headOf} looks at. */
export function headProperties({ key }: DocumentDefinition): string[] {
  return [key, versionProperty, expiryProperty];
}

/** The document that an object holds, as queries see it. */
export function toFound(definition: DocumentDefinition, id: string, object: ReadObject): Found {
  const document: Row = {};
  const faults: string[] = [];
  for (const [field, type] of Object.entries(definition.fields)) {
    const value = type === 'vector' ? vectorText(object) : readValue(field, type, object.properties);
    document[field] = value ?? null;
    if (value === undefined) faults.push(type === 'vector' ? 'the vector is missing' : `${field} is no ${type}`);
  }
  return faults.length === 0 ? { id, document } : { id, document, fault: faults.join('; ') };
}

function vectorText({ vector }: ReadObject): string | undefined {
  return vector === null ? undefined : encodeVector(vector);
}

/** Undefined where it is not what sync wrote. */
function readValue(field: string, type: FieldType, properties: ReadObject['properties']): Json | undefined {
  const value = properties[field] ?? null;
  if (type === 'time') return readTime(value, properties[exactProperty(field)] ?? null);
  if (value === null) return null;
  return typeof value === (type === 'float' ? 'number' : 'string') ? (value as Json) : undefined;
}

/** Queries go by the date, so the text beside it must tell the same. */
function readTime(date: unknown, exact: unknown): string | null | undefined {
  if (date === null && exact === null) return null;
  if (!(date instanceof Date) || typeof exact !== 'string') return undefined;
  return millisOfTime(exact) === date.getTime() ? exact : undefined;
}
