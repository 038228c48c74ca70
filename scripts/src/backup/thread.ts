/** The thread that copies, reads through and digests: a copy of a large primary takes longer than a request may. */
import { runThread } from '@mindora/runtime';
import { digestOf } from './digest.ts';
import type { Archivist } from './ports.ts';
import { copySqlite, inspectSqlite } from './sqlite.ts';

const service: Archivist = {
  copy: async (primary, target) => copySqlite(primary, target),
  inspect: async (file) => inspectSqlite(file),
  digest: digestOf,
};

await runThread<null>(async () => ({ service, close: async () => undefined }));
