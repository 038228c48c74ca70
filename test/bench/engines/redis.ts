/** The cache on Redis beside `SET` with an expiry, in a pipeline. */
import { createStore } from '@mindora/stores/create';
import { Redis } from 'ioredis';
import { type ApplyBench, conversationOf } from './harness.ts';

export const redis: ApplyBench = {
  engine: 'redis',
  beside: 'SET in a pipeline',
  async open({ url }) {
    const store = await createStore('cache', {
      directory: '',
      dimensions: 0,
      connection: { url, namespace: 'bench_' },
    });
    const client = new Redis(url);
    return {
      store,
      kinds: { conversations: conversationOf(store, { expires: true }) },
      raw: async (items) => async () => {
        const pipeline = client.pipeline();
        for (const { id, document, expiresAt } of items) {
          pipeline.set(`raw:${id}`, JSON.stringify(document), 'PXAT', expiresAt ?? 0);
        }
        for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
      },
      async close() {
        await store.close();
        await client.quit();
      },
    };
  },
};
