/** Full text on Elasticsearch beside `_bulk` with the same entries, into an index with the same mapping. */
import type { ApplyItem } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import { entryJson } from '@mindora/stores/fulltext/elastic/entry';
import { layoutOf } from '@mindora/stores/fulltext/elastic/layout';
import { type ApplyBench, conversationOf } from './harness.ts';
import { ask } from './rest.ts';

const namespace = 'bench_';

export const elasticsearch: ApplyBench = {
  engine: 'elasticsearch',
  beside: '_bulk of the same entries, their words found beforehand',
  async open({ url }) {
    const store = await createStore('fulltext', { directory: '', dimensions: 0, connection: { url, namespace } });
    await copyIndex(url, contentIndex().name);
    return {
      store,
      kinds: { conversations: conversationOf(store) },
      raw: async (items) => {
        const body = bulkOf(items);
        return async () => {
          const answer = (await ask(url, 'POST', '/_bulk', body)) as { errors: boolean };
          if (answer.errors) throw new Error('Elasticsearch took not every entry');
        };
      },
      close: () => store.close(),
    };
  },
};

function contentIndex() {
  const content = layoutOf(namespace).contents.find(({ entity }) => entity === 'conversation');
  if (content === undefined) throw new Error('full text holds no conversations');
  return content;
}

async function copyIndex(url: string, name: string): Promise<void> {
  const found = (await ask(url, 'GET', `/${name}/_mapping`)) as Record<string, { mappings: object }>;
  const settings = { number_of_shards: 1, number_of_replicas: 0, refresh_interval: '1s' };
  await ask(url, 'PUT', '/raw', JSON.stringify({ settings, mappings: found[name]?.mappings }));
}

function bulkOf(items: readonly ApplyItem[]): string {
  const content = contentIndex();
  const now = Date.now();
  const lines = items.flatMap((item) => {
    return [JSON.stringify({ index: { _index: 'raw', _id: item.id } }), entryJson(content, item, now)];
  });
  return `${lines.join('\n')}\n`;
}
