/** Copies of a primary, wherever it is. */
import type { PrimaryLocation } from '@mindora/stores';
import { copySqlite } from './sqlite.ts';

/** Copies a primary at one position to a new file of SQLite, while it is written to. */
export async function copyPrimary(primary: PrimaryLocation, target: string): Promise<void> {
  if (primary.kind !== 'mysql') return copySqlite(primary.file, target);
  // Its client takes a moment to load.
  const { copyServer } = await import('./server/copy.ts');
  return copyServer(primary.url, target);
}
