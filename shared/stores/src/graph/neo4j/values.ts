/** Documents as properties of a node and back. Neo4j's properties hold no maps and no null: JSON is text, null absent. */
import type { DocumentDefinition, FieldType, Json, Row } from '@mindora/contracts';
import { ContentError } from '../../embedded/errors.ts';
import type { Found } from '../../embedded/table.ts';
import { assertFields, toCell } from '../../embedded/values.ts';
import { indexedBytesMax } from './names.ts';

export type Property = string | number | bigint | boolean | readonly string[];
export type Properties = Readonly<Record<string, unknown>>;

/** What begins with this is sync's, not the record's. */
const ownPrefix = '_';

/** @throws ContentError where Neo4j would not give it back as it is */
export function toProperties(definition: DocumentDefinition, document: Row): Record<string, Property> {
  assertFields(definition, document);
  const properties: Record<string, Property> = {};
  for (const [field, type] of Object.entries(definition.fields)) {
    const property = toProperty(field, type, document[field] ?? null);
    if (property !== null) properties[field] = property;
  }
  return properties;
}

/** The document of a node; what another hand put there is shown, with a fault. */
export function fromProperties({ fields, key }: DocumentDefinition, properties: Properties): Found {
  const document: Row = {};
  const faults: string[] = [];
  for (const [field, type] of Object.entries(fields)) {
    const value = fromProperty(type, properties[field]);
    document[field] = value ?? shown(properties[field]);
    if (value === undefined) faults.push(`${field} is not a valid ${type}`);
  }
  const others = Object.keys(properties).filter((name) => !name.startsWith(ownPrefix) && !Object.hasOwn(fields, name));
  if (others.length > 0) faults.push(`properties are there that are not defined: ${others.length}`);
  const id = String(document[key]);
  return faults.length === 0 ? { id, document } : { id, document, fault: faults.join('; ') };
}

/** @throws ContentError where it can't be in an index */
export function assertIndexable(field: string, value: string): void {
  if (Buffer.byteLength(value) <= indexedBytesMax) return;
  throw new ContentError(`${field} is longer than ${indexedBytesMax} bytes`);
}

function toProperty(field: string, type: FieldType, value: Json): Property | null {
  const cell = toCell(field, type, value);
  if (cell === null) return null;
  if (type === 'keyword') assertIndexable(field, String(cell));
  if (type === 'keywords') return (value as string[]).map((one) => indexable(field, one));
  if (type === 'integer') return BigInt(cell as number);
  if (type === 'boolean') return cell === 1;
  return Buffer.isBuffer(cell) ? String(value) : cell;
}

function indexable(field: string, value: string): string {
  assertIndexable(field, value);
  return value;
}

/** Undefined where it isn't of the type. */
function fromProperty(type: FieldType, value: unknown): Json | undefined {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'keywords':
      return Array.isArray(value) && value.every((one) => typeof one === 'string') ? (value as string[]) : undefined;
    case 'float':
      return typeof value === 'number' ? value : undefined;
    case 'integer':
      return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'json':
      return typeof value === 'string' ? parsed(value) : undefined;
    default:
      return typeof value === 'string' ? value : undefined;
  }
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    if ((error as Error).name === 'SyntaxError') return undefined;
    throw error;
  }
}

function shown(value: unknown): Json {
  return value === undefined || value === null ? null : String(value);
}
