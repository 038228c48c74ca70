import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { environmentWith, isContinuousIntegration } from './config.ts';

/** Prometheus' own checker, as far as this machine has it. */
export interface Promtool {
  readonly path: string | null;
  /** Why its tests are left out here; null where they run. Where all must run, one that is missing fails. */
  readonly leftOut: string | null;
}

/** Looks for promtool, which is installed where continuous integration runs. */
export function findPromtool(): Promtool {
  const places = [...(environmentWith({}).PATH ?? '').split(delimiter), '/usr/local/bin'];
  const path = places.map((place) => join(place, 'promtool')).find((file) => existsSync(file)) ?? null;
  const mayBeMissing = path === null && !isContinuousIntegration;
  return { path, leftOut: mayBeMissing ? 'there is no promtool here' : null };
}
