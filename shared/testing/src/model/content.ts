import type { Role } from '@mindora/contracts';
import { decodeVector, documents, type FieldType, type Json } from '@mindora/contracts';
import type { ApplyItem } from '@mindora/stores';

/** Why a store that checks types refuses an item; null where it takes it. Names fields, never values. */
export function refusal(role: Role, dimensions: number, item: ApplyItem): string | null {
  const definition = documents[role][item.entity];
  if (definition === undefined) return 'the store holds no such entity';
  if (!item.id.isWellFormed()) return 'the id is not valid Unicode';
  const { document } = item;
  if (document === null) return null;
  if (document[definition.key] !== item.id) return 'the document is of another record';
  const fields = Object.entries(definition.fields);
  if (Object.keys(document).length !== fields.length) return 'the fields are not those defined';
  for (const [field, type] of fields) {
    const value = document[field];
    if (value === undefined) return `${field} is missing`;
    if (value !== null && !fits(type, value, dimensions)) return `${field} is no ${type}`;
  }
  return null;
}

function fits(type: FieldType, value: Json, dimensions: number): boolean {
  switch (type) {
    case 'json':
      return isWellFormed(value);
    case 'keywords':
      return Array.isArray(value) && value.every((one) => typeof one === 'string' && one.isWellFormed());
    case 'float':
      return typeof value === 'number' && Number.isFinite(value);
    case 'integer':
      return Number.isSafeInteger(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'vector':
      return typeof value === 'string' && decodeVector(value).length === dimensions;
    default:
      return typeof value === 'string' && value.isWellFormed();
  }
}

function isWellFormed(value: Json): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, member]) => key.isWellFormed() && isWellFormed(member));
}
