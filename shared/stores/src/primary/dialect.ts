/** Where engines of the primary differ. All other SQL is common; a second engine is a second file like `sqlite.ts`. */
import type { ColumnDefinition, EntityName } from '@mindora/contracts';
import type { MindoraError } from '@mindora/runtime';
import type { Cell, Connection, Sql } from './sql.ts';

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
  readonly entity: EntityName;
  readonly table: string;
  readonly key: string;
  readonly time: 'BEFORE' | 'AFTER';
  readonly event: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly steps: readonly TriggerStep[];
}

/** A column as the schema builder takes it. */
export interface ColumnShape {
  readonly type:
    | 'varchar'
    | 'text'
    | 'integer'
    | 'double'
    | 'boolean'
    | 'decimal'
    | 'longtext'
    | 'datetime'
    | 'date'
    | 'bigint'
    | 'tinyint';
  readonly length?: number;
  readonly precision?: number;
  readonly scale?: number;
  /** An expression of the engine. */
  readonly defaultExpression?: string;
}

/** Statements over a JSON list of [entity, id, mark], for engines where each statement is a round trip. */
export interface Clearing {
  /** Locks the lines that still have their mark, without waiting for those that someone else holds; which they are. */
  readonly lock: string;
  /** Clears them. */
  readonly clear: string;
  /** Those of others that are not there (`known` 0) or still have their mark (1). */
  readonly left: string;
}

export interface Dialect {
  /** For people. A server's is known more exactly once it has answered. */
  readonly engine: string;
  /** It may be away, others write to it too, and statements that change tables commit what went before them. */
  readonly isServer: boolean;
  /** Connections that one {@link Snapshots} opens at most. */
  readonly readersMax: number;
  /** Ends a SELECT of a row that the unit goes on to change; empty where the writer is alone anyway. */
  readonly locking: string;
  /** How marks are cleared by the list; null: one by one. */
  readonly clearing: Clearing | null;
  /** Ends an INSERT into a table with a column `entity`: what is there already stays as it is. */
  readonly orKeep: string;
  /** A savepoint costs a round trip, so units that may fail half-way have one only in a second run. */
  readonly dearSavepoints: boolean;
  /** Whether {@link scrub} leaves no byte of what was deleted. */
  readonly scrubs: boolean;
  column(definition: ColumnDefinition, isKey: boolean): ColumnShape;
  /** A CHECK for a column, so that what is typed by hand is held to the definition too; null where none is needed. */
  check(column: string, definition: ColumnDefinition, isKey: boolean): string | null;
  /** Condition of a partial index over non-null values; null where the engine has none. */
  notNullIndex(column: string): string | null;
  /** A column in a SELECT list, so that no digit is lost on the way. */
  selected(column: string, definition: ColumnDefinition, alias?: string): string;
  /** A cell as the engine takes it for a column. */
  cell(value: Cell, definition: ColumnDefinition): Cell;
  trigger(definition: TriggerDefinition): string;
  /** Further columns whose values are unique, though no definition says so. */
  readonly hiddenUniques: readonly (readonly string[])[];
  /** Triggers that are there, by name, with their texts as created. */
  triggers(sql: Sql): Promise<Map<string, string>>;
  /** Milliseconds since 1970, as an expression. */
  readonly nowMs: string;
  /** At a file or a URL. A server's connection is opened when it is first used. */
  openWriter(place: string): Promise<Connection>;
  openReader(place: string): Promise<Connection>;
  /** Runs something while no other process changes the tables. */
  exclusively<T>(sql: Sql, task: () => Promise<T>): Promise<T>;
  /** A number that changes when someone else committed. */
  foreignChanges(sql: Sql): Promise<number>;
  /** Overwrites what was deleted. Outside of a transaction. */
  scrub(sql: Sql): Promise<void>;
  /** Settings that durability rests on and that are not as they should be. */
  weakSettings(sql: Sql): Promise<string[]>;
  /** Whether an error says that a table isn't there. */
  isMissingTable(thrown: unknown): boolean;
  /** Whether the same work may well succeed in another transaction, and why it didn't; null where it won't. */
  retry(thrown: unknown): 'deadlock' | 'lock' | null;
  /** An engine's error as one of the table. */
  translate(thrown: unknown): MindoraError;
}
