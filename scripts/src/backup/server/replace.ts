/**
 * Puts the rows of a copy in the place of those on a server, in one transaction: whoever is killed, here or there,
 * leaves the old rows or the new ones. Triggers stay as they are. What they write to the ledger meanwhile goes with the
 * old one: its lines are put in place last.
 */
import { quote } from '@mindora/stores/primary/sql';
import Database from 'better-sqlite3';
import type { Steps } from '../ports.ts';
import { assertRoomFor } from './schema.ts';
import type { ExactCell, ServerSession } from './session.ts';
import { shapesOf, stateTables, type TableShape } from './tables.ts';

/** The line of `_meta` that says which restore made the rows what they are; committed with them. */
const restoredName = 'restored';
const batchBytesMax = 1024 * 1024;
/** Few lengths, so that few statements have to be prepared. */
const batchRows = [64, 8, 1];

/**
 * @param id is kept with the rows, see {@link restoredBy}
 * @throws MysqlFailure, MindoraError: nothing has changed, unless the connection was lost at the end; {@link restoredBy}
 * tells
 */
export async function replaceRows(session: ServerSession, file: string, id: string, steps: Steps): Promise<void> {
  const copy = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const shapes = shapesIn(copy);
    assertRoomFor(shapes, await shapesOf(session));
    await session.run('START TRANSACTION');
    await replaceAll(session, copy, shapes, steps);
    await session.run('DELETE FROM "_meta" WHERE "name" = ?', [restoredName]);
    await session.run('INSERT INTO "_meta" ("name", "value") VALUES (?, ?)', [restoredName, id]);
    steps.reached('commit the rows');
    await session.runLong('COMMIT');
  } finally {
    copy.close();
  }
}

/** The id of the restore that made the rows of a primary what they are; null where none did. */
export async function restoredBy(session: ServerSession): Promise<string | null> {
  if (!(await shapesOf(session)).has('_meta')) return null;
  const [row] = await session.all('SELECT "value" FROM "_meta" WHERE "name" = ?', [restoredName]);
  return row === undefined ? null : String(row.value);
}

async function replaceAll(
  session: ServerSession,
  copy: Database.Database,
  shapes: readonly TableShape[],
  steps: Steps,
): Promise<void> {
  steps.reached('remove the rows');
  const present = await shapesOf(session);
  for (const name of stateTables) if (present.has(name)) await session.runLong(`DELETE FROM ${quote(name)}`);
  steps.reached('put rows in place');
  for (const shape of shapes.filter(({ name }) => name !== '_ledger')) await fill(session, copy, shape);
  steps.reached('put the ledger in place');
  await session.runLong('DELETE FROM "_ledger"');
  for (const shape of shapes.filter(({ name }) => name === '_ledger')) await fill(session, copy, shape);
}

const kinds: Readonly<Record<string, 'integer' | 'binary'>> = { INTEGER: 'integer', BLOB: 'binary' };

/** Tables of a copy. */
function shapesIn(copy: Database.Database): TableShape[] {
  return stateTables.flatMap((name) => {
    const columns = copy.prepare('SELECT name, type FROM pragma_table_info(?)').all(name) as {
      name: string;
      type: string;
    }[];
    if (columns.length === 0) return [];
    return [{ name, columns: columns.map((column) => ({ name: column.name, kind: kinds[column.type] ?? 'text' })) }];
  });
}

async function fill(session: ServerSession, copy: Database.Database, shape: TableShape): Promise<void> {
  const names = shape.columns.map(({ name }) => quote(name)).join(', ');
  const read = copy
    .prepare(`SELECT ${names} FROM ${quote(shape.name)}`)
    .raw()
    .safeIntegers();
  const line = `(${shape.columns.map(() => '?').join(', ')})`;
  const insert = async (rows: readonly (readonly ExactCell[])[]): Promise<void> => {
    const lines = rows.map(() => line).join(', ');
    await session.run(`INSERT INTO ${quote(shape.name)} (${names}) VALUES ${lines}`, rows.flat());
  };
  let waiting: ExactCell[][] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    for (const part of partsOf(waiting)) await insert(part);
    waiting = [];
    bytes = 0;
  };
  for (const cells of read.iterate()) {
    const row = (cells as unknown[]).map(exactOf);
    const size = row.reduce((sum, cell) => sum + (cell?.length ?? 0), 0);
    // A large row goes alone: a packet that is too large ends the connection.
    if (waiting.length === batchRows[0] || bytes + size > batchBytesMax) await flush();
    waiting.push(row);
    bytes += size;
  }
  await flush();
}

/** Numbers as text: the server reads them to the digit. */
function exactOf(cell: unknown): ExactCell {
  return cell === null || Buffer.isBuffer(cell) ? cell : String(cell);
}

function partsOf<T>(rows: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < rows.length; at += parts.at(-1)?.length ?? 1) {
    const count = batchRows.find((size) => size <= rows.length - at) ?? 1;
    parts.push(rows.slice(at, at + count));
  }
  return parts;
}
