import { randomBytes } from 'node:crypto';
import { sharedEngine } from '@mindora/testing/engines';

/** The address of a new database on a server. */
export function newDatabase(serverUrl: string): string {
  return serverUrl.replace('/?', `/t${randomBytes(6).toString('hex')}?`);
}

/** The address of a new database on the shared server. */
export async function sharedDatabase(): Promise<string> {
  return newDatabase((await sharedEngine('mongodb')).url);
}
