/**
 * Copies of a primary on a server: one snapshot, written to a file of SQLite whose columns keep what the server said to
 * the letter. Such a file is read, checked and changed by the same code as the copy of a primary that is a file.
 */
import { chmodSync } from 'node:fs';
import { MindoraError } from '@mindora/runtime';
import { quote } from '@mindora/stores/primary/sql';
import { tables } from '@mindora/stores/primary/tables';
import Database from 'better-sqlite3';
import { flush } from '../durable.ts';
import { type ServerSession, withSession } from './session.ts';
import { migrationsTable, shapesOf, type TableShape } from './tables.ts';

/**
 * Copies a primary at one position, while it is written to. The server's snapshot begins with the first statement here,
 * so it has all that was acknowledged before.
 *
 * @throws MindoraError `not_found` where the database holds no primary; `store_unavailable` where the server is away, or
 * somebody changes the tables meanwhile
 */
export async function copyServer(url: string, target: string): Promise<void> {
  await withSession(url, async (session) => {
    await session.run('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    const shapes = await shapesOf(session);
    if (!shapes.has('_ledger') || !shapes.has(migrationsTable)) {
      throw new MindoraError('not_found', 'there is no primary in the database of the server');
    }
    await write(session, [...shapes.values()], target);
    await session.run('COMMIT');
  });
  chmodSync(target, 0o600);
  flush(target);
}

async function write(session: ServerSession, shapes: readonly TableShape[], target: string): Promise<void> {
  const copy = new Database(target);
  try {
    // What is broken off is thrown away, and what is whole is flushed at the end.
    copy.pragma('journal_mode = OFF');
    copy.pragma('synchronous = OFF');
    for (const shape of shapes) await writeTable(session, copy, shape);
  } finally {
    copy.close();
  }
}

async function writeTable(session: ServerSession, copy: Database.Database, shape: TableShape): Promise<void> {
  copy.exec(tableText(shape));
  const names = shape.columns.map(({ name }) => quote(name)).join(', ');
  const marks = shape.columns.map(() => '?').join(', ');
  const insert = copy.prepare(`INSERT INTO ${quote(shape.name)} (${names}) VALUES (${marks})`);
  const binary = new Set(shape.columns.filter(({ kind }) => kind === 'binary').map(({ name }) => name));
  copy.exec('BEGIN');
  for await (const row of session.rows(`SELECT ${names} FROM ${quote(shape.name)}`, binary)) insert.run(...row);
  copy.exec('COMMIT');
}

const affinities = { text: 'TEXT', integer: 'INTEGER', binary: 'BLOB' } as const;

/** Integers become integers, as in a primary that is a file; everything else stays what the server wrote. */
function tableText({ name, columns }: TableShape): string {
  const primary = tables.find((table) => table.name === name)?.primary ?? [];
  const lines = columns.map((column) => `${quote(column.name)} ${affinities[column.kind]}`);
  if (primary.length > 0) lines.push(`PRIMARY KEY (${primary.map(quote).join(', ')})`);
  return `CREATE TABLE ${quote(name)} (${lines.join(', ')})`;
}

/** About the bytes of a primary. */
export function sizeOfServer(url: string): Promise<number> {
  return withSession(url, async (session) => {
    const [row] = await session.all(
      'SELECT COALESCE(SUM(DATA_LENGTH), 0) AS "bytes" FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()',
    );
    return Number(row?.bytes);
  });
}
