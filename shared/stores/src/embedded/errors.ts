import { MindoraError, toMindoraError } from '@mindora/runtime';

/** Content that the engine can't hold. The message names fields, never their values. */
export class ContentError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ContentError';
  }
}

/** SQLite's result codes that blame the content; all others blame the store. */
const contentCodes = ['SQLITE_CONSTRAINT', 'SQLITE_MISMATCH', 'SQLITE_TOOBIG'];

function sqliteCode(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : null;
}

/** Why an item is refused, where the error blames its content; null where it blames the store or the code. */
export function refusalOf(error: unknown): string | null {
  if (error instanceof ContentError) return error.message;
  const code = sqliteCode(error);
  if (code === null || !contentCodes.some((prefix) => code.startsWith(prefix))) return null;
  return `the engine refuses it (${code})`;
}

/** Codes of the file system that a store's files can meet. */
const fileCodes = ['ENOSPC', 'EIO', 'EACCES', 'EPERM', 'EROFS', 'EMFILE', 'ENFILE', 'ENOTDIR', 'EISDIR', 'ENOENT'];

/** An error of the engine as `store_unavailable`; errors of the table pass, anything else is `internal`. */
export function toStoreError(error: unknown, name: string): MindoraError {
  if (error instanceof MindoraError) return error;
  const code = sqliteCode(error) ?? (error as { code?: unknown } | null)?.code;
  if (typeof code === 'string' && (code.startsWith('SQLITE_') || fileCodes.includes(code))) {
    return new MindoraError('store_unavailable', `${name} failed (${code})`, { cause: error });
  }
  if (error instanceof Error && error.message.startsWith('SQLite setting ')) {
    return new MindoraError('store_unavailable', error.message, { cause: error });
  }
  return toMindoraError(error);
}

/** The answer to every call after close. */
export function closedError(name: string): MindoraError {
  return new MindoraError('store_unavailable', `${name} is closed`);
}
