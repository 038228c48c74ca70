import { systemClock } from '@mindora/runtime';
import { sharedEngine } from '@mindora/testing/engines';
import { openPostgresRelational } from '../src/relational/postgres.ts';
import { testDatabase } from './support/postgres.ts';
import { testRelational } from './support/relational-suite.ts';

testRelational('PostgreSQL', async () => {
  const { url, remove } = testDatabase((await sharedEngine('postgres')).url);
  return {
    open: async (dimensions) => openPostgresRelational({ url, namespace: '' }, { clock: systemClock(), dimensions }),
    remove,
  };
});
