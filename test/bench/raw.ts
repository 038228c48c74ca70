/** What the engine itself takes at most: the same rows into tables of the same shape, without anything of ours around. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { load as loadVectors } from 'sqlite-vec';

const rowsPerCommit = 500;

interface Table {
  readonly name: string;
  readonly sql: string;
  readonly indexes: readonly string[];
  readonly columns: readonly string[];
  readonly rows: readonly unknown[][];
}

/**
 * Copies the content of every SQLite file of a folder (what sync notes for itself left out) into fresh files, with the
 * settings that the stores have, 500 rows a commit.
 *
 * @returns milliseconds of the inserts alone
 */
export function insertRaw(from: string, to: string): number {
  const files = readdirSync(from).filter((name) => name.endsWith('.sqlite') && name !== 'index.sqlite');
  return files.reduce((sum, name) => sum + copyFile(join(from, name), join(to, basename(name))), 0);
}

function copyFile(from: string, to: string): number {
  const source = open(from);
  const tables = readTables(source);
  source.close();
  const target = open(to);
  for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'secure_delete = ON']) target.pragma(pragma);
  for (const { sql, indexes } of tables) for (const statement of [sql, ...indexes]) target.exec(statement);
  const began = performance.now();
  for (const table of tables) insertAll(target, table);
  const tookMs = performance.now() - began;
  target.close();
  return tookMs;
}

function open(file: string): Database.Database {
  const database = new Database(file);
  loadVectors(database);
  return database;
}

function readTables(source: Database.Database): Table[] {
  const all = source
    .prepare(`SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`)
    .all() as { name: string; sql: string }[];
  const virtual = all.filter(({ sql }) => sql.startsWith('CREATE VIRTUAL')).map(({ name }) => name);
  // Engines of virtual tables make the tables behind them, and sync's own begin with an underscore.
  const own = all.filter(({ name }) => !name.startsWith('_') && !virtual.some((other) => name.startsWith(`${other}_`)));
  return own.map(({ name, sql }) => readTable(source, name, sql));
}

function readTable(source: Database.Database, name: string, sql: string): Table {
  const indexes = source.prepare(
    `SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL`,
  );
  const stored = source
    .prepare(`SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0`)
    .pluck()
    .all(name) as string[];
  const columns = sql.startsWith('CREATE VIRTUAL') ? ['rowid', ...stored] : stored;
  const list = columns.map((column) => `"${column}"`).join(', ');
  const rows = source.prepare(`SELECT ${list} FROM "${name}"`).safeIntegers().raw().all() as unknown[][];
  return { name, sql, indexes: indexes.pluck().all(name) as string[], columns, rows };
}

function insertAll(target: Database.Database, { name, columns, rows }: Table): void {
  const list = columns.map((column) => `"${column}"`).join(', ');
  const insert = target.prepare(`INSERT INTO "${name}" (${list}) VALUES (${columns.map(() => '?').join(', ')})`);
  const insertSome = target.transaction((some: readonly unknown[][]) => {
    for (const row of some) insert.run(row);
  });
  for (let start = 0; start < rows.length; start += rowsPerCommit) insertSome(rows.slice(start, start + rowsPerCommit));
}
