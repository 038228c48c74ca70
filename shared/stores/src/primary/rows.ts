/** Rows of entities: their SQL, and their translation from and to cells. All made from the definitions. */
import {
  type ColumnDefinition,
  type EntityDefinition,
  type EntityName,
  entity,
  isEntityName,
  type Json,
  type Row,
} from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import type { Dialect } from './dialect.ts';
import { type Cell, type Cells, chunks, placeholders, quote, type Sql } from './sql.ts';
import { fromCell, reasonOf, toCell } from './values.ts';

/** Cells by column. */
export type CellRow = { [column: string]: Cell };

/** The definition, also where the name came from outside. @throws MindoraError `invalid_request` */
export function definitionOf(name: EntityName): EntityDefinition {
  if (!isEntityName(name)) throw new MindoraError('invalid_request', 'no such entity');
  return entity(name);
}

/** The column that names the user whom a record belongs to; a user's own record belongs to that user. */
export function ownerColumn(definition: EntityDefinition): string | null {
  return definition.owner ?? (definition.name === 'user' ? definition.key : null);
}

/** A column by a name that may be anything. @throws MindoraError `invalid_request` */
export function columnOf(definition: EntityDefinition, name: string): ColumnDefinition {
  const column = Object.hasOwn(definition.columns, name) ? definition.columns[name] : undefined;
  if (column === undefined) {
    throw new MindoraError('invalid_request', `${definition.name} has no such field`, { data: { fields: [name] } });
  }
  return column;
}

/** One value as a cell. @throws MindoraError `invalid_request` naming the field */
export function encode(definition: EntityDefinition, name: string, value: Json): Cell {
  const column = columnOf(definition, name);
  try {
    const cell = toCell(value, column);
    return name === definition.key && cell === '' ? refuse(definition, name, 'must not be empty') : cell;
  } catch (thrown) {
    if (thrown instanceof MindoraError) throw thrown;
    return refuse(definition, name, reasonOf(thrown));
  }
}

function refuse(definition: EntityDefinition, name: string, reason: string): never {
  throw new MindoraError('invalid_request', `${definition.name}.${name} ${reason}`, { data: { fields: [name] } });
}

/** The given fields as cells. */
export function encodeRow(definition: EntityDefinition, row: Row): CellRow {
  const cells: CellRow = {};
  for (const [name, value] of Object.entries(row)) {
    if (value !== undefined) cells[name] = encode(definition, name, value);
  }
  return cells;
}

/** A canonical row; secret columns only on request. */
export function decodeRow(definition: EntityDefinition, cells: Cells, secrets = false): Row {
  const row: Row = {};
  for (const [name, column] of Object.entries(definition.columns)) {
    if (secrets || column.secret !== true) row[name] = fromCell(cells[name], column);
  }
  return row;
}

/** The columns for a SELECT list. */
export function selectList(definition: EntityDefinition, dialect: Dialect, secrets: boolean, alias?: string): string {
  return Object.entries(definition.columns)
    .filter(([, column]) => secrets || column.secret !== true)
    .map(([name, column]) => dialect.selected(name, column, alias))
    .join(', ');
}

/** One row as it is stored, secret columns included. */
export async function storedRow(sql: Sql, dialect: Dialect, name: EntityName, id: string): Promise<Cells | null> {
  return selectRow(sql, dialect, name, id, '');
}

/** The same for a unit that goes on to change it: nobody else can until the unit ends. */
export async function lockedRow(sql: Sql, dialect: Dialect, name: EntityName, id: string): Promise<Cells | null> {
  return selectRow(sql, dialect, name, id, dialect.locking);
}

async function selectRow(sql: Sql, dialect: Dialect, name: EntityName, id: string, ending: string) {
  const definition = definitionOf(name);
  const list = selectList(definition, dialect, true);
  const where = `WHERE ${quote(definition.key)} = ?`;
  const [cells] = await sql.all(`SELECT ${list} FROM ${quote(definition.table)} ${where}${ending}`, [id]);
  return cells ?? null;
}

/** Cells of a row, as the engine takes them for its columns. */
export function boundCells(definition: EntityDefinition, dialect: Dialect, cells: CellRow): Cell[] {
  return Object.entries(cells).map(([name, cell]) => dialect.cell(cell, columnOf(definition, name)));
}

/** Rows of one entity by id, without secret columns. */
export async function rowsById(
  sql: Sql,
  dialect: Dialect,
  name: EntityName,
  ids: readonly string[],
): Promise<Map<string, Row>> {
  const definition = entity(name);
  const rows = new Map<string, Row>();
  const select = `SELECT ${selectList(definition, dialect, false)} FROM ${quote(definition.table)}`;
  for (const part of chunks(ids)) {
    const list = placeholders(part);
    for (const cells of await sql.all(`${select} WHERE ${quote(definition.key)} IN (${list.text})`, list.values)) {
      rows.set(String(cells[definition.key]), decodeRow(definition, cells));
    }
  }
  return rows;
}
