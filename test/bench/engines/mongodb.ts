/** Documents on MongoDB's protocol beside unordered bulk writes without a guard, journalled, with the same indexes. */
import { createStore } from '@mindora/stores/create';
import { type Collection, type Document, MongoClient } from 'mongodb';
import { type ApplyBench, conversationOf } from './harness.ts';

type Stored = { _id: string; [field: string]: unknown };

export const mongodb: ApplyBench = {
  engine: 'mongodb',
  beside: 'bulk writes without a guard',
  async open({ url: server }) {
    const url = server.replace('/?', '/bench?');
    const store = await createStore('documents', { directory: '', dimensions: 0, connection: { url, namespace: '' } });
    const client = new MongoClient(url, { writeConcern: { w: 'majority', journal: true } });
    const raw = client.db().collection<Stored>('raw');
    await copyIndexes(client.db().collection('ai_conversations'), raw);
    return {
      store,
      kinds: { conversations: conversationOf(store, { expires: true }) },
      raw: async (items, isNew) => () => {
        const operations = items.map(({ id, version, document, expiresAt }) => {
          const whole = { ...document, _version: version, _expires_at: new Date(expiresAt ?? 0) };
          return isNew
            ? { insertOne: { document: { _id: id, ...whole } } }
            : { replaceOne: { filter: { _id: id }, replacement: whole } };
        });
        return raw.bulkWrite(operations, { ordered: false });
      },
      async close() {
        await store.close();
        await client.close();
      },
    };
  },
};

async function copyIndexes(from: Collection, to: Collection<Stored>): Promise<void> {
  for (const index of await from.listIndexes().toArray()) {
    const { key, v: _version, name, ...options } = index as Document;
    if (name !== '_id_') await to.createIndex(key, { name, ...options });
  }
}
