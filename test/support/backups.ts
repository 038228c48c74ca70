/** Versions whose backups and restores are tried: filled, written to by many, looked at in their files. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { withArchivist } from '@mindora/cli/backup/archivist';
import type { PrimaryFacts } from '@mindora/cli/backup/record';
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
export function startWriters({ url, adminKey }: RunningVersion, clients = 4): Writers {
  const acknowledged: string[] = [];
  let isStopped = false;
  const client = async (number: number): Promise<void> => {
    for (let n = 0; !isStopped; n++) acknowledged.push(await write(url, adminKey, `w${number}-${n}`));
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

async function write(url: string, key: string, id: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/ai/conversation`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      conversation_id: id,
      user_id: 'writer',
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

/** What a primary holds; null where there is none. */
export async function factsOf(directory: string): Promise<PrimaryFacts | null> {
  const file = join(directory, 'primary.sqlite');
  return existsSync(file) ? withArchivist((archivist) => archivist.inspect(file)) : null;
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
