import { createHash } from 'node:crypto';
import type { DocumentStore } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import { MongoClient } from 'mongodb';
import { sharedEngine } from '../../src/engines/index.ts';
import type { TargetDriver } from '../../src/target/driver.ts';
import { sampleDimensions } from '../../src/target/sample.ts';

/** Each directory has a database of its own on the one server. */
async function urlOf(directory: string): Promise<string> {
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 12);
  const { url } = await sharedEngine('mongodb');
  return url.replace('/?', `/t${name}?`);
}

export const driver: TargetDriver = {
  module: new URL(import.meta.url),
  async open(role, directory) {
    const connection = { url: await urlOf(directory), namespace: '' };
    return createStore(role, { directory, dimensions: sampleDimensions, connection });
  },
  async sees(target, item) {
    const query = { entity: 'conversation', filter: { conversation_id: item.id }, userId: null } as const;
    const { items } = await (target as DocumentStore).find({ ...query, limit: 100, after: null });
    return items.length > 0;
  },
  async tamper(_role, directory, { id }) {
    const client = new MongoClient(await urlOf(directory));
    await client
      .db()
      .collection<{ _id: string }>('ai_conversations')
      .updateOne({ _id: id }, { $unset: { _version: '' } });
    await client.close();
  },
};
