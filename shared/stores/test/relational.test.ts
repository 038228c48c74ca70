import { systemClock } from '@mindora/runtime';
import { SqliteRelational } from '../src/relational/index.ts';
import { testRelational } from './support/relational-suite.ts';
import { storeFile } from './support/stores.ts';

testRelational('SQLite', async () => {
  const { file, remove } = storeFile();
  return {
    open: async (dimensions) => new SqliteRelational({ file, clock: systemClock(), dimensions }),
    remove: async () => remove(),
  };
});
