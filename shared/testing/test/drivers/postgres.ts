import { createHash } from 'node:crypto';
import type { RelationalStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import pg from 'pg';

import { sharedEngine } from '../../src/engines/index.ts';

import type { TargetDriver } from '../../src/target/driver.ts';
import { sampleDimensions } from '../../src/target/sample.ts';

/** Each directory has a database of its own on the one server, which the store makes. */
async function databaseUrl(directory: string): Promise<string> {
  const url = new URL((await sharedEngine('postgres')).url);
  url.pathname = `/test_${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`;
  return url.href;
}

export const driver: TargetDriver = {
  module: new URL(import.meta.url),
  async open(role, directory) {
    const connection = { url: await databaseUrl(directory), namespace: '' };
    return createStore(role, { directory, dimensions: sampleDimensions, connection });
  },
  async sees(target, item) {
    const query = { userId: item.owner ?? '', sessionId: null, limit: 100, after: null };
    const { items } = await (target as RelationalStore).conversations(query);
    return items.some(({ id }) => id === item.id);
  },
  async tamper(_role, directory, { entity, id }) {
    const client = new pg.Client(await databaseUrl(directory));
    await client.connect();
    await client.query('DELETE FROM _applied WHERE entity = $1 AND id = $2', [entity, id]);
    await client.end();
  },
};
