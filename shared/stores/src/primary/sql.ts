/** What the primary's code needs of a database connection; one implementation an engine. */
export type Cell = string | number | null;
export type Cells = { readonly [column: string]: unknown };

export interface Sql {
  /** Rows of a query. Values are bound, never part of the text. */
  all(text: string, values?: readonly Cell[]): Promise<Cells[]>;
  /** Runs a statement; how many rows it changed itself (not by triggers). */
  run(text: string, values?: readonly Cell[]): Promise<number>;
}

/** A connection of its own; whoever has it brackets transactions with it. */
export interface Connection extends Sql {
  /** `write` takes the write lock at once; otherwise one snapshot for all reads until the end. */
  begin(kind: 'write' | 'snapshot'): Promise<void>;
  commit(): Promise<void>;
  /** Does nothing where no transaction is open any more. */
  rollback(): Promise<void>;
  /** False after an error that made the engine give up the whole transaction. */
  inTransaction(): boolean;
  close(): Promise<void>;
}

/** Runs something in a transaction of its own: committed where it returns, undone where it throws. */
export async function inTransaction<T>(connection: Connection, task: () => Promise<T>): Promise<T> {
  await connection.begin('write');
  try {
    const value = await task();
    await connection.commit();
    return value;
  } finally {
    await connection.rollback();
  }
}

/**
 * An identifier from a definition, quoted. Never used for anything that came from outside. Common SQL writes them the
 * same way; a MySQL connection sets ANSI_QUOTES.
 */
export function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** A literal from a definition, quoted. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

const listSizes = [1, 4, 16, 64, 256];

/** Most values in one {@link placeholders} list. */
export const listLengthMax = 256;

/**
 * Placeholders for an IN list. Lists are filled up to a few lengths by repeating the last value, so that few different
 * statements have to be prepared.
 */
export function placeholders<T extends Cell>(values: readonly T[]): { text: string; values: T[] } {
  const size = listSizes.find((length) => length >= values.length) ?? values.length;
  const filled = [...values];
  const last = values.at(-1);
  while (last !== undefined && filled.length < size) filled.push(last);
  return { text: filled.map(() => '?').join(','), values: filled };
}

/** Cuts a list into parts of at most `size`. */
export function chunks<T>(list: readonly T[], size = listLengthMax): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < list.length; at += size) parts.push(list.slice(at, at + size));
  return parts;
}

const rowCounts = [16, 4, 1];

/** Cuts rows of an INSERT into parts of a few lengths, so that few different statements have to be prepared. */
export function rowParts<T>(list: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < list.length; at += parts.at(-1)?.length ?? 1) {
    const count = rowCounts.find((length) => length <= list.length - at) ?? 1;
    parts.push(list.slice(at, at + count));
  }
  return parts;
}
