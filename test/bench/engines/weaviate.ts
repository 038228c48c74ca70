/** Vectors on Weaviate beside `/v1/batch/objects` with the same objects, into a class of the same schema. */
import { decodeVector, documentOf, type Row } from '@mindora/contracts';
import type { ApplyItem } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import { toObject } from '@mindora/stores/vectors/weaviate-documents';
import { dimensions } from '../vectors.ts';
import { type ApplyBench, conversationOf } from './harness.ts';
import { ask } from './rest.ts';

const rawClass = 'RawConversation';

export const weaviate: ApplyBench = {
  engine: 'weaviate',
  beside: '/v1/batch/objects of the same objects',
  async open({ url }) {
    const connection = { url, namespace: 'Bench_' };
    const store = await createStore('vectors', { directory: '', dimensions, connection });
    const schema = (await ask(url, 'GET', '/v1/schema/Bench_AIConversation')) as object;
    await ask(url, 'POST', '/v1/schema', JSON.stringify({ ...schema, class: rawClass }));
    return {
      store,
      kinds: { conversations: conversationOf(store) },
      raw: async (items) => {
        const objects = items.map(objectOf);
        return async () => {
          const answer = await ask(url, 'POST', '/v1/batch/objects', JSON.stringify({ objects }));
          const failed = (answer as { result?: { status?: string } }[]).some(
            ({ result }) => result?.status !== 'SUCCESS',
          );
          if (failed) throw new Error('Weaviate took not every object');
        };
      },
      close: () => store.close(),
    };
  },
};

function objectOf(item: ApplyItem): object {
  const document = item.document as Row;
  const { id, properties } = toObject(documentOf('vectors', 'conversation'), dimensions, item, document);
  return { class: rawClass, id, properties, vector: Array.from(decodeVector(String(document.vector))) };
}
