/** Which Mindora this is. */
import { readFileSync } from 'node:fs';

const manifest = new URL('../../package.json', import.meta.url);

/** Its version, as its package says it. */
export function productVersion(): string {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
