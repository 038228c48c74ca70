/** Neighbouring units that insert one record each go in one statement: on a server each statement is a round trip. */
import type { EntityDefinition, EntityName, Row } from '@mindora/contracts';
import type { Job } from './group.ts';
import { versionsOf } from './ledger-reads.ts';
import type { Mutation, Written } from './port.ts';
import { type CellRow, decodeRow, definitionOf, ownerColumn } from './rows.ts';
import type { Sql } from './sql.ts';
import { completeRow, insertCells, type UnitContext } from './units.ts';

/** A unit that does nothing but insert one record. */
export interface Insertion {
  readonly entity: EntityName;
  readonly row: Row;
}

/** Rows of one statement. Each number of rows is a text of its own, and a connection keeps some hundreds prepared. */
const rowsMax = 64;
const bytesMax = 1024 * 1024;

/** The unit as an insertion; null where it does anything else. */
export function insertionOf(unit: readonly Mutation[]): Insertion | null {
  const [only] = unit;
  if (unit.length !== 1 || only?.op !== 'insert') return null;
  return { entity: only.entity, row: only.row };
}

/** Splits units, in their order, into those that may be inserted together and single ones. */
export function partsOf(jobs: readonly Job[]): Job[][] {
  const parts: Job[][] = [];
  for (let from = 0; from < jobs.length; ) {
    const count = countAlike(jobs, from);
    parts.push(jobs.slice(from, from + count));
    from += count;
  }
  return parts;
}

/** How many from here on insert into the same table, none of them a record that another one of them inserts. */
function countAlike(jobs: readonly Job[], from: number): number {
  const first = jobs[from]?.insertion ?? null;
  if (first === null) return 1;
  const ids = new Set<unknown>();
  let bytes = 0;
  for (let at = from; ; at++) {
    const job = jobs[at];
    const insertion = job?.insertion ?? null;
    if (job === undefined || insertion === null || insertion.entity !== first.entity) return at - from;
    bytes += job.bytes;
    // Without an id it gets one that nobody else has.
    const id = insertion.row[definitionOf(first.entity).key] ?? job;
    if (at - from >= rowsMax || bytes > bytesMax || ids.has(id)) return Math.max(1, at - from);
    ids.add(id);
  }
}

/**
 * Inserts records of one entity with one statement. Null, and nothing done, where a user of theirs is being erased; who
 * begins an erasure waits for the transaction.
 *
 * @throws what the engine throws: nothing was inserted then, unless it is the versions that can't be read
 */
export async function insertTogether(
  sql: Sql,
  context: UnitContext,
  insertions: readonly Insertion[],
): Promise<Written[] | null> {
  const [first] = insertions;
  if (first === undefined) return [];
  const definition = definitionOf(first.entity);
  const rows = insertions.map(({ row }) => completeRow(definition, row, context));
  if (await anyErased(sql, definition, rows)) return null;
  await insertCells(sql, context, definition, rows);
  const keys = rows.map((cells) => ({ entity: first.entity, id: String(cells[definition.key]) }));
  const versions = await versionsOf(sql, keys);
  return keys.map((key, index) => {
    const row = decodeRow(definition, rows[index] as CellRow);
    return { ...key, version: versions[index] ?? 0, change: 'inserted', row };
  });
}

async function anyErased(sql: Sql, definition: EntityDefinition, rows: readonly CellRow[]): Promise<boolean> {
  const owner = ownerColumn(definition);
  if (owner === null) return false;
  const users = rows.map((cells) => String(cells[owner]));
  const text = `SELECT 1 FROM "_erasures" WHERE "user_id" IN (${users.map(() => '?').join(', ')}) LIMIT 1`;
  return (await sql.all(text, users)).length > 0;
}
