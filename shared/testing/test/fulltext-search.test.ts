import { systemClock } from '@mindora/runtime';
import { openFullTextStore } from '@mindora/stores/fulltext/sqlite';
import { testFullText } from '../src/fulltext-suite.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../src/temporary.ts';

let directory: TemporaryDirectory;

testFullText('SQLite', {
  async open() {
    directory = await temporaryDirectory();
    const store = openFullTextStore({ file: directory.file('fulltext.sqlite'), clock: systemClock() });
    await store.migrate();
    return store;
  },
  clean: () => directory.remove(),
});
