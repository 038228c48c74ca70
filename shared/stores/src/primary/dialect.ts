/** Where engines of the primary differ. All other SQL is common; a second engine is a second file like `sqlite.ts`. */
import type { ColumnDefinition } from '@mindora/contracts';
import type { MindoraError } from '@mindora/runtime';
import type { Connection, Sql } from './sql.ts';

/** What a trigger does, whatever the engine's language for it. */
export type TriggerStep =
  /** Marks the record that the new or old row is; `moved`: only where the key changed. */
  | { readonly step: 'touch'; readonly row: 'NEW' | 'OLD'; readonly moved?: boolean }
  /** Marks other rows with the same unique value, which the statement may be about to displace. */
  | { readonly step: 'touch_displaced'; readonly columns: readonly string[] }
  /** Refuses to give a record to another owner. */
  | { readonly step: 'refuse_owner_change'; readonly owner: string };

export interface TriggerDefinition {
  readonly name: string;
  readonly entity: string;
  readonly table: string;
  readonly key: string;
  readonly time: 'BEFORE' | 'AFTER';
  readonly event: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly steps: readonly TriggerStep[];
}

/** A column as the schema builder takes it. */
export interface ColumnShape {
  readonly type: 'varchar' | 'text' | 'integer' | 'double' | 'boolean' | 'decimal' | 'longtext';
  readonly length?: number;
  /** An expression of the engine. */
  readonly defaultExpression?: string;
}

export interface Dialect {
  /** For people. */
  readonly engine: string;
  column(definition: ColumnDefinition, isKey: boolean): ColumnShape;
  /** A CHECK for a column, so that what is typed by hand is held to the definition too; null where none is needed. */
  check(column: string, definition: ColumnDefinition, isKey: boolean): string | null;
  /** Condition of a partial index over non-null values; null where the engine has none. */
  notNullIndex(column: string): string | null;
  /** A column in a SELECT list, so that no digit is lost on the way. */
  selected(column: string, definition: ColumnDefinition, alias?: string): string;
  trigger(definition: TriggerDefinition): string;
  /** Further columns whose values are unique, though no definition says so. */
  readonly hiddenUniques: readonly (readonly string[])[];
  /** Triggers that are there, by name, with their texts as created. */
  triggers(sql: Sql): Promise<Map<string, string>>;
  /** Milliseconds since 1970, as an expression. */
  readonly nowMs: string;
  openWriter(file: string): Promise<Connection>;
  openReader(file: string): Promise<Connection>;
  /** A number that changes when someone else committed. */
  foreignChanges(sql: Sql): Promise<number>;
  /** Overwrites what was deleted. Outside of a transaction. */
  scrub(sql: Sql): Promise<void>;
  /** Settings that durability rests on and that are not as they should be. */
  weakSettings(sql: Sql): Promise<string[]>;
  /** An engine's error as one of the table. */
  translate(thrown: unknown): MindoraError;
}
