/** What a definition of an entity says; the entities themselves are in `entities.ts` and `special.ts`. */
import type { Row } from './canonical.ts';

/** The stores, named by their role whatever engine serves them (architecture, section 5). */
export const roles = [
  'relational',
  'cache',
  'documents',
  'fulltext',
  'graph',
  'vectors',
  'personal',
  'identity',
  'governance',
  'credit',
] as const;
export type Role = (typeof roles)[number];

/** Filled on a schedule, not at once (A4.4). */
export const scheduledRoles = ['identity', 'governance', 'credit'] as const satisfies readonly Role[];
export type ScheduledRole = (typeof scheduledRoles)[number];

export function isScheduled(role: Role): role is ScheduledRole {
  return (scheduledRoles as readonly Role[]).includes(role);
}

export type ColumnType =
  | 'string'
  | 'text'
  | 'json'
  | 'integer'
  | 'float'
  | 'decimal'
  | 'boolean'
  | 'time'
  | 'date'
  | 'enum';

export interface ColumnDefinition {
  readonly type: ColumnType;
  /** Characters at most, of a `string`. */
  readonly length?: number;
  /** Digits in all and behind the point, of a `decimal`. */
  readonly precision?: number;
  readonly scale?: number;
  readonly values?: readonly string[];
  readonly nullable?: boolean;
  readonly default?: string | number | boolean;
  /** Never leaves the primary: not captured, not sent by any API. */
  readonly secret?: boolean;
  /** Set by the service, not by a client. */
  readonly managed?: boolean;
  readonly about?: string;
}

export interface EntityDefinition {
  readonly name: string;
  readonly table: string;
  readonly about: string;
  /** The column that identifies a record; its value is the id of the ledger, at most 200 characters. */
  readonly key: string;
  /** The column that names the user whom a record belongs to; it never changes. */
  readonly owner?: string;
  readonly columns: Readonly<Record<string, ColumnDefinition>>;
  readonly uniques: readonly (readonly string[])[];
  readonly indexes: readonly (readonly string[])[];
  /** The stores that hold a projection of it. */
  readonly stores: readonly Role[];
  /** The text that is embedded for semantic search (A2.14). */
  readonly embeds?: (row: Row) => string;
  /** The administrator's plain CRUD under /api/v1/admin/ serves it. */
  readonly admin: boolean;
}

/** The owner of a record. */
export const userId = { type: 'string', length: 50, about: 'the user whom the record belongs to' } as const;
/** When the row was made. */
export const createdAt = { type: 'time', managed: true } as const;
/** When the row was last changed. */
export const updatedAt = { type: 'time', managed: true } as const;

/** Keeps a definition's literal types. */
export function define<const D extends EntityDefinition>(definition: D): D {
  return definition;
}
