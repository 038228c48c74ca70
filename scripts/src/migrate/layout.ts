/**
 * The earlier layout: one database (`ai_main_db`) for everything, and what of it becomes which entity (A2.1). Columns
 * of the same name carry over; only what differs is named here.
 */
import { type EntityDefinition, entity } from '@mindora/contracts';
import type { AdoptableEntity } from '@mindora/contracts/routes';

export interface EarlierTable {
  readonly table: string;
  readonly entity: AdoptableEntity;
  /** Columns of an entity's field where they are not named like it; the first that is there counts. */
  readonly renamed: Readonly<Record<string, readonly string[]>>;
  /** Columns that are not carried over, and why. */
  readonly leftOut: Readonly<Record<string, string>>;
}

const knownBy = (column: string): string => `a record is known by its ${column}`;
const passwords = 'made by another way of hashing; the administrator sets a new password for whoever needs one';
const keys = "encrypted with the earlier system's key; the administrator gives the provider's key anew";

/** In an order in which what is referred to comes first: a right of a role needs its permission. */
export const earlierTables: readonly EarlierTable[] = [
  {
    table: 'users',
    entity: 'user',
    renamed: {},
    leftOut: { id: knownBy('user_id'), password_hash: passwords },
  },
  { table: 'permissions', entity: 'permission', renamed: {}, leftOut: { id: knownBy('permission_code') } },
  { table: 'role_permissions', entity: 'role_permission', renamed: {}, leftOut: {} },
  { table: 'system_configs', entity: 'system_config', renamed: {}, leftOut: { id: knownBy('config_key') } },
  { table: 'ai_service_configs', entity: 'ai_service_config', renamed: {}, leftOut: { api_key_encrypted: keys } },
  { table: 'financial_records', entity: 'financial_record', renamed: {}, leftOut: {} },
  {
    table: 'ai_conversations',
    entity: 'conversation',
    renamed: { id: ['conversation_id', 'id'], context: ['context', 'conversation_context'] },
    leftOut: { id: knownBy('conversation_id') },
  },
  {
    table: 'ai_analysis_results',
    entity: 'analysis',
    renamed: { id: ['analysis_id', 'id'] },
    leftOut: { id: knownBy('analysis_id') },
  },
];

/** Settings that a version has from its first start: where the earlier ones differ, its own stand. */
export const ownSettings: ReadonlySet<AdoptableEntity> = new Set(['permission', 'system_config']);

/** How the columns of a table that is there meet the fields of its entity. */
export interface Plan {
  readonly earlier: EarlierTable;
  readonly definition: EntityDefinition;
  /** The column of each field that has one. */
  readonly columnOf: ReadonlyMap<string, string>;
  /** Columns that nothing is made of, and why. */
  readonly leftOut: Readonly<Record<string, string>>;
  /** Fields that must be given and have no column. */
  readonly missing: readonly string[];
}

/** Meets a table's columns with its entity's fields. Secrets are not even read. */
export function planOf(earlier: EarlierTable, columns: readonly string[]): Plan {
  const definition = entity(earlier.entity);
  const columnOf = new Map<string, string>();
  for (const [field, { secret }] of Object.entries(definition.columns)) {
    const column = (earlier.renamed[field] ?? [field]).find((name) => columns.includes(name));
    if (column !== undefined && secret !== true) columnOf.set(field, column);
  }
  const used = new Set(columnOf.values());
  const unused = columns.filter((column) => !used.has(column));
  const why = (column: string): string => earlier.leftOut[column] ?? 'the version has no field for it';
  return {
    earlier,
    definition,
    columnOf,
    leftOut: Object.fromEntries(unused.map((column) => [column, why(column)])),
    missing: Object.keys(definition.columns).filter((field) => mustBeGiven(definition, field) && !columnOf.has(field)),
  };
}

function mustBeGiven(definition: EntityDefinition, field: string): boolean {
  const column = definition.columns[field];
  if (field === definition.key) return true;
  return column?.nullable !== true && column?.default === undefined && column?.managed !== true;
}
