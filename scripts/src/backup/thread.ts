/** The thread that copies, reads through and digests: a copy of a large primary takes longer than a request may. */
import { runThread } from '@mindora/runtime';
import { copyPrimary } from './copy.ts';
import { digestOf } from './digest.ts';
import type { Archivist } from './ports.ts';
import { inspectSqlite } from './sqlite.ts';

const service: Archivist = {
  copy: copyPrimary,
  inspect: async (file) => inspectSqlite(file),
  digest: digestOf,
};

await runThread<null>(async () => ({ service, close: async () => undefined }));
