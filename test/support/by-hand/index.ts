import { testEngines } from '../config.ts';
import type { Hands } from './port.ts';

export * from './port.ts';

/** Hands in the engines of a version's data directory. */
export async function handsIn(data: string): Promise<Hands> {
  if (testEngines === 'embedded') return (await import('./embedded.ts')).embeddedHands(data);
  // Clients of servers take a second to load.
  return (await import('./servers.ts')).serverHands(data);
}
