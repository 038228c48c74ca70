/** The engine that serves a location. */
import type { Dialect } from './dialect.ts';
import type { PrimaryLocation } from './location.ts';
import { mysql } from './mysql.ts';
import { sqlite } from './sqlite.ts';

/** A dialect and the place (a file, a URL) that its connections are opened at. */
export interface Engine {
  readonly dialect: Dialect;
  readonly place: string;
}

/** The engine of a location. Opens nothing. */
export function engineOf(location: PrimaryLocation): Engine {
  return location.kind === 'mysql'
    ? { dialect: mysql(), place: location.url }
    : { dialect: sqlite, place: location.file };
}
