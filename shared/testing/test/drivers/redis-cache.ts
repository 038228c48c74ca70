import { createHash } from 'node:crypto';
import type { CacheStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import { Redis } from 'ioredis';
import { sharedEngine } from '../../src/engines/index.ts';
import type { TargetDriver } from '../../src/target/driver.ts';
import { sampleDimensions } from '../../src/target/sample.ts';

/** Each directory has keys of its own on the one server. */
function namespaceOf(directory: string): string {
  return `${createHash('sha256').update(directory).digest('hex').slice(0, 12)}_`;
}

async function serverUrl(): Promise<string> {
  return (await sharedEngine('redis')).url;
}

export const driver: TargetDriver = {
  module: new URL(import.meta.url),
  async open(role, directory) {
    const connection = { url: await serverUrl(), namespace: namespaceOf(directory) };
    return createStore(role, { directory, dimensions: sampleDimensions, connection });
  },
  async sees(target, item) {
    return (await (target as CacheStore).record('conversation', item.id)) !== null;
  },
  async tamper(_role, directory, { entity, id }) {
    const client = new Redis(await serverUrl());
    const namespace = namespaceOf(directory);
    await client.hdel(`${namespace}sync:state`, `${entity}:${id}`);
    await client.quit();
  },
};
