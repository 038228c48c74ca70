/** The table of conversations as a bare driver fills it. */
import { conversation } from '../records.ts';

export const columns = ['id', 'user_id', 'session_id', 'user_input', 'ai_response', 'model_name', 'context'] as const;

/** One INSERT of so many rows. */
export function insertText(table: string, rows: number): string {
  const marks = `(${columns.map(() => '?').join(', ')})`;
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${Array.from({ length: rows }, () => marks).join(', ')}`;
}

/** The values of these conversations, row by row. */
export function valuesOf(numbers: readonly number[]): string[] {
  return numbers.flatMap((number) => {
    const row = conversation(number);
    return columns.map((name) => (name === 'context' ? JSON.stringify(row[name]) : String(row[name])));
  });
}

/** A table of the same columns and indexes without triggers. */
export async function bareTable(query: (sql: string) => Promise<unknown>): Promise<void> {
  await query('CREATE TABLE bare LIKE ai_conversations');
}
