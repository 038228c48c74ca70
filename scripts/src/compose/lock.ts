import { MindoraError } from '@mindora/runtime';
import Database from 'better-sqlite3';

/**
 * The lock of a version's directory: one process at a time opens its files. The kernel drops it with the process,
 * however that ends, so no stale lock is ever left (a file with a process id could name a stranger).
 *
 * @returns a function that gives it back; null where another process holds it
 */
export function tryLock(file: string): (() => void) | null {
  const database = new Database(file, { timeout: 0 });
  try {
    database.pragma('locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code?.startsWith('SQLITE_BUSY') === true) return null;
    throw new MindoraError('store_unavailable', `cannot lock ${file}`, { cause: error });
  }
  return () => {
    database.close();
  };
}
