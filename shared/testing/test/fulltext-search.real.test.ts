import { testFullText } from '../src/fulltext-suite.ts';
import { openElastic } from './drivers/elasticsearch.ts';

testFullText('Elasticsearch', {
  async open() {
    const store = await openElastic('searches');
    await store.migrate();
    await store.wipe();
    return store;
  },
  clean: () => Promise.resolve(),
});
