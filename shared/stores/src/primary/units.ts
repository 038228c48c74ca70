/** The steps of a unit of work, run inside the writer's transaction. */
import type { EntityDefinition, EntityName, Json, Row } from '@mindora/contracts';
import { type Clock, MindoraError, type Random } from '@mindora/runtime';
import type { Dialect } from './dialect.ts';
import type { Mutation, Written } from './port.ts';
import {
  boundCells,
  type CellRow,
  decodeRow,
  definitionOf,
  encode,
  encodeRow,
  lockedRow,
  ownerColumn,
} from './rows.ts';
import { type Cells, quote, rowParts, type Sql } from './sql.ts';
import { sameCell } from './values.ts';

/** What the steps need beside the connection. */
export interface UnitContext {
  readonly dialect: Dialect;
  readonly clock: Clock;
  readonly random: Random;
}

/** Most steps of one unit. */
export const unitMutationsMax = 1000;

/** Runs all steps; the first error ends it, and the caller undoes the rest. */
export async function runUnit(sql: Sql, context: UnitContext, unit: readonly Mutation[]): Promise<Written[]> {
  const written: Written[] = [];
  for (const mutation of unit) written.push(await runMutation(sql, context, mutation));
  return written;
}

function runMutation(sql: Sql, context: UnitContext, mutation: Mutation): Promise<Written> {
  switch (mutation.op) {
    case 'insert':
      return insertRow(sql, context, mutation.entity, mutation.row);
    case 'ensure':
      return ensureRow(sql, context, mutation.entity, mutation.row);
    case 'update':
      return updateRow(sql, context, mutation);
    case 'merge':
      return mergeRow(sql, context, mutation);
    case 'delete':
      return deleteRow(sql, context, mutation);
    default:
      throw new MindoraError('invalid_request', 'no such operation');
  }
}

/** Inserts a row with its defaults and managed columns. */
export async function insertRow(sql: Sql, context: UnitContext, name: EntityName, row: Row): Promise<Written> {
  const definition = definitionOf(name);
  const cells = completeRow(definition, row, context);
  const columns = Object.keys(cells);
  const owner = ownerColumn(definition);
  // In one statement with the look at erasures: on a server each statement is a round trip.
  const unless = owner === null ? '' : ` WHERE ${notErased}`;
  const inserted = await sql.run(
    `INSERT INTO ${quote(definition.table)} (${columns.map(quote).join(', ')})
     SELECT ${columns.map(() => '?').join(', ')}${unless}`,
    [...boundCells(definition, context.dialect, cells), ...(owner === null ? [] : [String(cells[owner])])],
  );
  if (inserted === 0) throw new MindoraError('user_erased');
  const id = String(cells[definition.key]);
  return result(sql, definition, id, 'inserted', decodeRow(definition, cells));
}

/** Inserts rows of an entity that belongs to nobody, some with each statement. */
export async function insertRows(
  sql: Sql,
  context: UnitContext,
  name: EntityName,
  rows: readonly Row[],
): Promise<void> {
  const definition = definitionOf(name);
  for (const part of rowParts(rows)) {
    const cells = part.map((row) => completeRow(definition, row, context));
    await insertCells(sql, context, definition, cells);
  }
}

/** Inserts rows with one statement. */
export async function insertCells(
  sql: Sql,
  { dialect }: UnitContext,
  definition: EntityDefinition,
  rows: readonly CellRow[],
): Promise<void> {
  const columns = Object.keys(rows[0] ?? {});
  const line = `(${columns.map(() => '?').join(', ')})`;
  await sql.run(
    `INSERT INTO ${quote(definition.table)} (${columns.map(quote).join(', ')})
     VALUES ${rows.map(() => line).join(', ')}`,
    rows.flatMap((cells) => boundCells(definition, dialect, cells)),
  );
}

/** The row with defaults, generated key and times; every column is there. */
export function completeRow(definition: EntityDefinition, row: Row, context: UnitContext): CellRow {
  const given = encodeRow(definition, row);
  const now = context.clock.timestamp();
  const complete: CellRow = {};
  for (const [name, column] of Object.entries(definition.columns)) {
    const present = Object.hasOwn(given, name) ? given[name] : undefined;
    complete[name] = present ?? encode(definition, name, missingValue(definition, name, column.nullable, now, context));
  }
  return complete;
}

function missingValue(
  definition: EntityDefinition,
  name: string,
  nullable: boolean | undefined,
  now: string,
  context: UnitContext,
): Json {
  const column = definition.columns[name];
  if (name === definition.key && column?.managed === true) return context.random.id();
  if (column?.managed === true && column.type === 'time' && nullable !== true) return now;
  return nullable === true ? null : (column?.default ?? null);
}

async function refuseErased(sql: Sql, definition: EntityDefinition, cells: Cells): Promise<void> {
  const owner = ownerColumn(definition);
  if (owner !== null) await refuseErasedUser(sql, String(cells[owner]));
}

const notErased = 'NOT EXISTS (SELECT 1 FROM "_erasures" WHERE "user_id" = ?)';

/** @throws MindoraError `user_erased` */
export async function refuseErasedUser(sql: Sql, userId: string): Promise<void> {
  const [erasure] = await sql.all('SELECT 1 FROM "_erasures" WHERE "user_id" = ?', [userId]);
  if (erasure !== undefined) throw new MindoraError('user_erased');
}

async function ensureRow(sql: Sql, context: UnitContext, name: EntityName, row: Row): Promise<Written> {
  const definition = definitionOf(name);
  const wanted = completeRow(definition, row, context);
  const id = String(wanted[definition.key]);
  const stored = await lockedRow(sql, context.dialect, name, id);
  if (stored === null) {
    return insertOr(sql, context, name, { ...row, [definition.key]: id }, () => ensureRow(sql, context, name, row));
  }
  await refuseErased(sql, definition, wanted);
  for (const [column, facts] of Object.entries(definition.columns)) {
    if (facts.managed === true || sameCell(stored[column], wanted[column], facts)) continue;
    throw new MindoraError('conflict', `${name} is there with other content`, { data: { fields: [column] } });
  }
  return result(sql, definition, id, 'unchanged', decodeRow(definition, stored));
}

/**
 * Inserts a row that was not there when the unit looked; where someone else put it there meanwhile, looks again. Only
 * what waits for that other transaction finds its row, so the second look is the last.
 */
async function insertOr(
  sql: Sql,
  context: UnitContext,
  name: EntityName,
  row: Row,
  lookAgain: () => Promise<Written>,
): Promise<Written> {
  const { dialect } = context;
  const definition = definitionOf(name);
  try {
    return await insertRow(sql, context, name, row);
  } catch (thrown) {
    const isTaken = dialect.isServer && dialect.translate(thrown).code === 'conflict';
    const id = String(row[definition.key]);
    if (!isTaken || (await lockedRow(sql, dialect, name, id)) === null) throw thrown;
    return lookAgain();
  }
}

type Guarded = { entity: EntityName; id: string; owner?: string; version?: number };

/** The stored row, if it belongs to the owner and has the version that were named. */
async function guardedRow(sql: Sql, context: UnitContext, it: Guarded): Promise<Cells> {
  const definition = definitionOf(it.entity);
  const stored = await lockedRow(sql, context.dialect, it.entity, it.id);
  const owner = ownerColumn(definition);
  const isOwned = it.owner === undefined || (owner !== null && stored?.[owner] === it.owner);
  if (stored === null || !isOwned) throw new MindoraError('not_found', `no such ${it.entity}`);
  if (it.version !== undefined && (await lockedVersionOf(sql, context.dialect, it)) !== it.version) {
    throw new MindoraError('conflict', `${it.entity} was changed meanwhile`);
  }
  return stored;
}

async function updateRow(sql: Sql, context: UnitContext, it: Guarded & { set: Row }): Promise<Written> {
  const definition = definitionOf(it.entity);
  const set = encodeRow(definition, it.set);
  const stored = await guardedRow(sql, context, it);
  await refuseErased(sql, definition, stored);
  for (const fixed of [definition.key, ownerColumn(definition)]) {
    if (fixed !== null && Object.hasOwn(set, fixed) && set[fixed] !== stored[fixed]) {
      throw new MindoraError('invalid_request', `${it.entity}.${fixed} never changes`, { data: { fields: [fixed] } });
    }
  }
  return storeChanges(sql, context, definition, stored, set);
}

/** Writes the cells that differ, and with them `updated_at`. */
async function storeChanges(
  sql: Sql,
  context: UnitContext,
  definition: EntityDefinition,
  stored: Cells,
  set: CellRow,
): Promise<Written> {
  const id = String(stored[definition.key]);
  const changes: CellRow = {};
  for (const [name, cell] of Object.entries(set)) {
    const column = definition.columns[name];
    if (column !== undefined && !sameCell(stored[name], cell, column)) changes[name] = cell;
  }
  if (Object.keys(changes).length === 0) {
    return result(sql, definition, id, 'unchanged', decodeRow(definition, stored));
  }
  if (Object.hasOwn(definition.columns, 'updated_at')) changes.updated_at = context.clock.timestamp();
  const list = Object.keys(changes).map((name) => `${quote(name)} = ?`);
  await sql.run(`UPDATE ${quote(definition.table)} SET ${list.join(', ')} WHERE ${quote(definition.key)} = ?`, [
    ...boundCells(definition, context.dialect, changes),
    id,
  ]);
  return result(sql, definition, id, 'updated', decodeRow(definition, { ...stored, ...changes }));
}

async function mergeRow(sql: Sql, context: UnitContext, it: Extract<Mutation, { op: 'merge' }>): Promise<Written> {
  const definition = definitionOf(it.entity);
  const column = definition.columns[it.column];
  if (column?.type !== 'json') throw new MindoraError('invalid_request', `${it.entity} has no such JSON field`);
  const stored = await lockedRow(sql, context.dialect, it.entity, it.id);
  if (stored === null) {
    const merged = mergedFields(it.otherwise[it.column] ?? null, it.fields);
    const row = { ...it.otherwise, [definition.key]: it.id, [it.column]: merged };
    return insertOr(sql, context, it.entity, row, () => mergeRow(sql, context, it));
  }
  await refuseErased(sql, definition, stored);
  const present = decodeRow(definition, stored, true)[it.column] ?? null;
  const cell = encode(definition, it.column, mergedFields(present, it.fields));
  return storeChanges(sql, context, definition, stored, { [it.column]: cell });
}

function mergedFields(present: Json, fields: Row): Json {
  if (present === null) return { ...fields };
  if (typeof present === 'object' && !Array.isArray(present)) return { ...present, ...fields };
  throw new MindoraError('conflict', 'what is there is no JSON object, so nothing can be merged into it');
}

async function deleteRow(sql: Sql, context: UnitContext, it: Guarded): Promise<Written> {
  const definition = definitionOf(it.entity);
  await guardedRow(sql, context, it);
  await sql.run(`DELETE FROM ${quote(definition.table)} WHERE ${quote(definition.key)} = ?`, [it.id]);
  return result(sql, definition, it.id, 'deleted', null);
}

async function result(
  sql: Sql,
  definition: EntityDefinition,
  id: string,
  change: Written['change'],
  row: Row | null,
): Promise<Written> {
  const name = definition.name as EntityName;
  return { entity: name, id, version: await versionOf(sql, name, id), change, row };
}

/** The version of a record that the unit goes on to change: a mark of sync raises it without changing the row. */
async function lockedVersionOf(sql: Sql, dialect: Dialect, { entity, id }: Guarded): Promise<number> {
  const text = `SELECT "version" FROM "_ledger" WHERE "entity" = ? AND "id" = ?${dialect.locking}`;
  const [line] = await sql.all(text, [entity, id]);
  return Number(line?.version ?? 0);
}

/** The present version; 0 where the ledger knows no such record. */
export async function versionOf(sql: Sql, name: EntityName, id: string): Promise<number> {
  const [line] = await sql.all('SELECT "version" FROM "_ledger" WHERE "entity" = ? AND "id" = ?', [name, id]);
  return Number(line?.version ?? 0);
}
