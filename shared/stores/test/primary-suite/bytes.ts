/** Whether bytes lie in the files of a primary. */
import { readFileSync } from 'node:fs';
import type { Place } from './world.ts';

/** Null where the files are a server's, which keeps what was deleted for as long as it is set up to. */
export function holdsBytes({ location }: Pick<Place, 'location'>, text: string): boolean | null {
  if (location.kind === 'mysql') return null;
  return [location.file, `${location.file}-wal`].some((file) => readFileSync(file).includes(text));
}
