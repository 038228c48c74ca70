import { MindoraError } from '@mindora/runtime';

const prefix = 'k1.';

/** A page ends at a key; the cursor to the next page names it, opaque to clients. */
export function encodeCursor(key: string): string {
  return prefix + Buffer.from(key).toString('base64url');
}

/** @throws MindoraError `invalid_cursor` */
export function decodeCursor(cursor: string): string {
  const key = Buffer.from(cursor.slice(prefix.length), 'base64url').toString();
  if (key === '' || encodeCursor(key) !== cursor) throw new MindoraError('invalid_cursor');
  return key;
}
