/** Names that are made of a version's. */
import type { Manifest } from './manifest.ts';

/** The beginning of a version's variables in compose/: FUTURE, A_FOURTH. */
export function variablePrefixOf({ name }: Pick<Manifest, 'name'>): string {
  return name.toUpperCase().replaceAll('-', '_');
}

/** A version's account in its engines, where these let us choose; also a part of names of databases. */
export function accountOf({ name }: Pick<Manifest, 'name'>): string {
  return name.replaceAll('-', '_');
}
