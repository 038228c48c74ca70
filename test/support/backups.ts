/** Versions whose backups and restores are tried: filled, written to by many, looked at in their files. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { copyPrimary } from '@mindora/cli/backup/copy';
import { digestOf } from '@mindora/cli/backup/digest';
import type { Archivist } from '@mindora/cli/backup/ports';
import { inspectSqlite } from '@mindora/cli/backup/sqlite';
import { until } from '@mindora/testing/plain';
import Database from 'better-sqlite3';
import type { RunningVersion } from './version.ts';

export interface Writers {
  /** Ids of conversations whose writing was answered, in the order of the answers. */
  readonly acknowledged: readonly string[];
  /** Waits until so many more were. */
  more(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Writes conversations from several clients at once until it is stopped. Refusals end it with an error. */
export function startWriters(version: RunningVersion, clients = 4): Writers {
  const acknowledged: string[] = [];
  let isStopped = false;
  const client = async (number: number): Promise<void> => {
    for (let n = 0; !isStopped; n++) acknowledged.push(await writeOne(version, `w${number}-${n}`, 'writer'));
  };
  const running = Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return {
    acknowledged,
    async more(count) {
      const wanted = acknowledged.length + count;
      await Promise.race([running, until(() => acknowledged.length >= wanted, 30_000, 'writes that are answered')]);
    },
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

/** Writes one conversation. @throws Error where it is refused */
export async function writeOne(
  { url, adminKey }: Pick<RunningVersion, 'url' | 'adminKey'>,
  id: string,
  user: string,
): Promise<string> {
  const response = await fetch(`${url}/api/v1/ai/conversation`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      conversation_id: id,
      user_id: user,
      session_id: 's',
      user_input: `question ${id}`,
      ai_response: `answer ${id}`,
      model_name: 'm',
    }),
  });
  if (!response.ok) throw new Error(`${id}: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
  return id;
}

/** What stands in the first column of a query's answer. */
export function column(file: string, query: string): unknown[] {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  try {
    return database.prepare(query).pluck().all();
  } finally {
    database.close();
  }
}

/** What the thread of the commands does, without a thread: that takes longer to start than the work takes here. */
export const archivist: Archivist = {
  copy: copyPrimary,
  inspect: async (file) => inspectSqlite(file),
  digest: digestOf,
};

/** The ledger's root of a version's primary; null where there is none. */
export function rootOf(directory: string): string | null {
  const file = join(directory, 'primary.sqlite');
  return existsSync(file) ? inspectSqlite(file).root : null;
}

/** Every file below a folder with the digest of its content and its permissions. */
export function treeOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
    found[relative(folder, path)] = `${digest} ${(statSync(path).mode & 0o777).toString(8)}`;
  }
  return found;
}
