/** What is changed in the copy of a primary before it becomes a version's own. */
import { existsSync } from 'node:fs';
import { decryptSecret, encryptSecret, type Random } from '@mindora/runtime';
import Database from 'better-sqlite3';

export interface Erasure {
  readonly user_id: string;
  readonly started_at: string;
}

/**
 * Users who were erased since the copy was made are noted in it as being erased: the next start erases them again.
 *
 * @param erased those that the primary knows that is about to be replaced
 * @returns how many; null where they are not known
 */
export function addErasures(copy: string, erased: readonly Erasure[] | null): number | null {
  if (erased === null || erased.length === 0 || !existsSync(copy)) return erased === null ? null : 0;
  const database = new Database(copy, { fileMustExist: true });
  try {
    const text = `INSERT INTO _erasures (user_id, started_at, ended_at) VALUES (?, ?, NULL) ON CONFLICT DO NOTHING`;
    const insert = database.prepare(text);
    const all = database.transaction(() =>
      erased.reduce((count, { user_id, started_at }) => count + insert.run(user_id, started_at).changes, 0),
    );
    return all();
  } finally {
    database.close();
  }
}

/** The erasures that a file knows; null where it is there and can't be read. */
export function erasuresIn(file: string): Erasure[] | null {
  if (!existsSync(file)) return [];
  let database: Database.Database | null = null;
  try {
    database = new Database(file, { readonly: true, fileMustExist: true });
    return database.prepare('SELECT user_id, started_at FROM _erasures').all() as Erasure[];
  } catch {
    // A damaged primary is a reason to restore; the caller says that its erasures are unknown.
    return null;
  } finally {
    database?.close();
  }
}

export interface MasterKeys {
  readonly old: Buffer;
  readonly fresh: Buffer;
}

/**
 * Makes a copy of one version's primary another version's: versions share no key, so API keys are revoked, and the keys
 * of providers are encrypted anew.
 *
 * @param now canonical time
 */
export function makeForeignOwn(copy: string, { old, fresh }: MasterKeys, now: string, random: Random): void {
  const database = new Database(copy, { fileMustExist: true });
  try {
    const select = database.prepare(
      'SELECT id, api_key_encrypted FROM ai_service_configs WHERE api_key_encrypted <> ?',
    );
    const update = database.prepare('UPDATE ai_service_configs SET api_key_encrypted = ? WHERE id = ?');
    const revoke = database.prepare('UPDATE api_keys SET revoked_at = ? WHERE revoked_at IS NULL');
    database.transaction(() => {
      revoke.run(now);
      for (const { id, api_key_encrypted: sealed } of select.all('') as { id: string; api_key_encrypted: string }[]) {
        const purpose = `ai_service_config/${id}`;
        update.run(encryptSecret(decryptSecret(sealed, old, purpose), fresh, purpose, random), id);
      }
    })();
  } finally {
    database.close();
  }
}
