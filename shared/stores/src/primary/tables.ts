/**
 * The primary's tables, as data: those of the entities and the internal ones. Schema, migrations and triggers are made
 * from here. Keys compare as bytes: BINARY is SQLite's default; a server's tables have a binary collation without
 * padding.
 */
import { createHash } from 'node:crypto';
import { type ColumnDefinition, type EntityDefinition, entity, entityNames } from '@mindora/contracts';
import type { Dialect } from './dialect.ts';

export interface TableDefinition {
  readonly name: string;
  readonly primary: readonly string[];
  readonly columns: Readonly<Record<string, ColumnDefinition>>;
  readonly uniques: readonly (readonly string[])[];
  readonly indexes: readonly (readonly string[])[];
  /** Short rows that are read and changed by key alone: kept in the key's tree, where the engine can. */
  readonly clustered?: boolean;
}

const name = { type: 'string', length: 64 } as const;
const id = { type: 'string', length: 200 } as const;
const integer = { type: 'integer' } as const;
/** Internal times are kept as their canonical text. */
const time = { type: 'string', length: 27 } as const;

/** The line of `_meta` that writers share, and that who begins an erasure changes. */
export const erasureGate = 'erasures';

const internal: readonly TableDefinition[] = [
  {
    name: '_ledger',
    primary: ['entity', 'id'],
    columns: {
      entity: name,
      id,
      version: integer,
      mark: integer,
      pending_since: { ...integer, nullable: true, about: 'milliseconds since 1970' },
      stores: { ...integer, nullable: true, about: 'bits in the order of the roles; null: all' },
    },
    uniques: [],
    indexes: [['pending_since']],
    clustered: true,
  },
  {
    name: '_parked',
    primary: ['store', 'entity', 'id'],
    columns: {
      store: name,
      entity: name,
      id,
      version: integer,
      reason: { type: 'text' },
      parked_at: time,
      attempts: integer,
    },
    uniques: [],
    indexes: [],
  },
  {
    name: '_embedding_refs',
    primary: ['entity', 'record_id'],
    columns: { entity: name, record_id: id, embedding_id: { type: 'string', length: 64 } },
    uniques: [],
    indexes: [['embedding_id']],
    clustered: true,
  },
  {
    name: '_erasures',
    primary: ['user_id'],
    columns: { user_id: id, started_at: time, ended_at: { ...time, nullable: true } },
    uniques: [],
    indexes: [],
  },
  {
    name: '_lease',
    primary: ['name'],
    columns: { name, holder: id, expires_at: integer },
    uniques: [],
    indexes: [],
  },
  {
    name: '_meta',
    primary: ['name'],
    columns: { name, value: { type: 'text' } },
    uniques: [],
    indexes: [],
  },
  {
    name: 'api_keys',
    primary: ['id'],
    columns: {
      id,
      hash: { type: 'string', length: 64 },
      user_id: { type: 'string', length: 50 },
      name: { type: 'string', length: 100 },
      created_at: time,
      revoked_at: { ...time, nullable: true },
    },
    uniques: [['hash']],
    indexes: [['user_id']],
  },
];

function tableOf(definition: EntityDefinition): TableDefinition {
  const { table, key, columns, uniques, indexes } = definition;
  return { name: table, primary: [key], columns, uniques, indexes };
}

/** All tables of the primary. */
export const tables: readonly TableDefinition[] = [
  ...entityNames.map((entityName) => tableOf(entity(entityName))),
  ...internal,
];

export interface Check {
  readonly name: string;
  readonly expression: string;
}

/**
 * The CHECK constraints of a table. The name ends in a hash of the expression: the schema builder compares names
 * alone, and a changed list of values must lead to a migration.
 */
export function checksOf(table: TableDefinition, dialect: Dialect): Check[] {
  return Object.entries(table.columns).flatMap(([column, definition]) => {
    const expression = dialect.check(column, definition, table.primary.includes(column));
    if (expression === null) return [];
    const hash = createHash('sha256').update(expression).digest('hex').slice(0, 8);
    return [{ name: `ck_${table.name}_${column}_${hash}`, expression }];
  });
}
