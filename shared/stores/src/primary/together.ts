/** Neighbouring units that insert one record each go in one statement: on a server each statement is a round trip. */
import type { EntityDefinition, EntityName, Row } from '@mindora/contracts';
import type { Job } from './group.ts';
import type { Mutation, Written } from './port.ts';
import { type CellRow, decodeRow, definitionOf, ownerColumn } from './rows.ts';
import { placeholders, type Sql } from './sql.ts';
import { completeRow, insertCells, type UnitContext } from './units.ts';

/** A unit that does nothing but insert one record, or that expects to: where it is there already, it is told apart. */
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
  if (unit.length !== 1 || (only?.op !== 'insert' && only?.op !== 'ensure')) return null;
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

/** A user of one of the records is being erased; the records are inserted all the same, and have to be undone. */
export class ErasedAmong extends Error {}

/**
 * Inserts records of one entity with one statement. Who begins an erasure waits for the transaction.
 *
 * @throws ErasedAmong after it inserted them
 * @throws what the engine throws: nothing was inserted then, unless it is the versions that can't be read
 */
export async function insertTogether(
  sql: Sql,
  context: UnitContext,
  insertions: readonly Insertion[],
): Promise<Written[]> {
  const [first] = insertions;
  if (first === undefined) return [];
  const definition = definitionOf(first.entity);
  const rows = insertions.map(({ row }) => completeRow(definition, row, context));
  await insertCells(sql, context, definition, rows);
  const keys = rows.map((cells) => ({ entity: first.entity, id: String(cells[definition.key]) }));
  const versions = await versionsUnlessErased(sql, definition, rows);
  return keys.map((key, index) => {
    const row = decodeRow(definition, rows[index] as CellRow);
    return { ...key, version: versions.get(key.id) ?? 0, change: 'inserted', row };
  });
}

/** Both with one statement: on a server each is a round trip, and erasures are rare. */
async function versionsUnlessErased(
  sql: Sql,
  definition: EntityDefinition,
  rows: readonly CellRow[],
): Promise<Map<string, number>> {
  const owner = ownerColumn(definition);
  const ids = placeholders(rows.map((cells) => String(cells[definition.key])));
  const users = placeholders(owner === null ? [] : [...new Set(rows.map((cells) => String(cells[owner])))]);
  const versions = `SELECT "id", "version" FROM "_ledger" WHERE "entity" = ? AND "id" IN (${ids.text})`;
  const erased = `SELECT "user_id", 0 FROM "_erasures" WHERE "user_id" IN (${users.text})`;
  const text = owner === null ? versions : `${versions} UNION ALL ${erased}`;
  const found = await sql.all(text, [definition.name, ...ids.values, ...users.values]);
  if (found.some(({ version }) => version === 0)) throw new ErasedAmong();
  return new Map(found.map(({ id, version }) => [String(id), Number(version)]));
}
