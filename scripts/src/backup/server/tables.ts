/** Which tables of a server a copy holds, and what of their columns has to be known. */
import { literal } from '@mindora/stores/primary/sql';
import { tables } from '@mindora/stores/primary/tables';
import type { ServerSession } from './session.ts';

export interface TableShape {
  readonly name: string;
  readonly columns: readonly ColumnFacts[];
}

export interface ColumnFacts {
  readonly name: string;
  /** Names, texts, decimals, doubles and times are kept as the server writes them. */
  readonly kind: 'text' | 'integer' | 'binary';
}

export const migrationsTable = '_migrations';
/** Says which process is at work, which is no part of a state. */
const ofProcesses = new Set(['_lease']);

/**
 * Tables whose rows are a primary's state, the ledger last: rows of the others, put in place, fire triggers that write
 * to it.
 */
export const stateTables: readonly string[] = tables
  .map(({ name }) => name)
  .filter((name) => !ofProcesses.has(name))
  .sort((one, other) => Number(one === '_ledger') - Number(other === '_ledger'));

const integers = new Set(['tinyint', 'smallint', 'mediumint', 'int', 'bigint']);
const binaries = /binary$|blob$|^bit$/;

/** The tables of Mindora that are there, with all of their columns: an earlier Mindora may have made other ones. */
export async function shapesOf(session: ServerSession): Promise<Map<string, TableShape>> {
  const names = [...stateTables, migrationsTable].map(literal).join(', ');
  const rows = await session.all(
    `SELECT TABLE_NAME AS "table", COLUMN_NAME AS "name", DATA_TYPE AS "type" FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN (${names}) ORDER BY TABLE_NAME, ORDINAL_POSITION`,
  );
  const found = Map.groupBy(rows, (row) => String(row.table));
  const shapes = new Map<string, TableShape>();
  for (const name of [...stateTables, migrationsTable]) {
    const columns = found.get(name)?.map((row) => ({ name: String(row.name), kind: kindOf(String(row.type)) }));
    if (columns !== undefined) shapes.set(name, { name, columns });
  }
  return shapes;
}

function kindOf(type: string): ColumnFacts['kind'] {
  if (integers.has(type)) return 'integer';
  return binaries.test(type) ? 'binary' : 'text';
}
