/** Documents of the right shape for any role and entity, made from the definitions in contracts. */
import {
  documentOf,
  type EntityName,
  encodeVector,
  entitiesOf,
  entity,
  type FieldType,
  type Json,
  type Role,
  type Row,
  timeFromMicros,
} from '@mindora/contracts';

/** Vector length that the suite opens every store with. */
export const sampleDimensions = 8;

/** Whom sample records belong to, unless they say otherwise. */
export const sampleOwner = 'owner-1';

const ownerFields = new Set(['user_id', 'userId']);
const firstMicros = 1_700_000_000_123_456;

const samples: Readonly<Record<FieldType, (field: string, seed: number) => Json>> = {
  keyword: (field, seed) => `${field}-${seed}`,
  keywords: (field, seed) => [`${field}-${seed}`, 'shared'],
  text: (field, seed) => `text${seed} of ${field}: 数据库 and more`,
  json: (field, seed) => ({ from: field, seed, list: [1, null, 'x'], nested: { flag: true } }),
  float: (_, seed) => seed / 8,
  integer: (_, seed) => seed * 3,
  decimal: (_, seed) => `${seed}.50`,
  time: (_, seed) => timeFromMicros(firstMicros + seed * 1_000_001),
  boolean: (_, seed) => seed % 2 === 0,
  vector: (_, seed) => sampleVector(seed),
};

/** A vector that differs from those of other seeds in direction. */
export function sampleVector(seed: number, dimensions = sampleDimensions): string {
  return encodeVector(Array.from({ length: dimensions }, (_, i) => Math.sin(seed * 1.7 + i * (1 + seed / 97)) + 0.01));
}

/** A document that a store of this role takes, with every field filled; the same arguments give the same document. */
export function sampleDocument(role: Role, name: EntityName, id: string, seed: number, overrides: Row = {}): Row {
  const definition = documentOf(role, name);
  const document: Row = {};
  for (const [field, type] of Object.entries(definition.fields)) document[field] = samples[type](field, seed);
  for (const field of ownerFields) if (field in document) document[field] = sampleOwner;
  if ('dimensions' in document) document.dimensions = sampleDimensions;
  return { ...document, ...overrides, [definition.key]: id };
}

/** The user whom a document belongs to, null where it belongs to none. */
export function ownerOf(document: Row): string | null {
  for (const field of ownerFields) {
    const owner = document[field];
    if (typeof owner === 'string') return owner;
  }
  return null;
}

/** The entity that most cases write: conversations, or else what belongs to a user, in stores that hold none. */
export function mainEntity(role: Role): EntityName {
  const held = entitiesOf(role);
  if (held.includes('conversation')) return 'conversation';
  const owned = held.find((name) => entity(name).owner !== undefined && entity(name).owner !== entity(name).key);
  return owned ?? held[0] ?? 'conversation';
}

export interface FieldPlace {
  readonly entity: EntityName;
  readonly field: string;
}

/** A field of a type (neither key nor owner) in some entity of a role; null where the role holds none. */
export function fieldOfType(role: Role, type: FieldType): FieldPlace | null {
  for (const name of entitiesOf(role)) {
    const { fields, key } = documentOf(role, name);
    for (const [field, found] of Object.entries(fields)) {
      if (found === type && field !== key && !ownerFields.has(field)) return { entity: name, field };
    }
  }
  return null;
}
