/** A whole version on its real embedded engines, in one directory and one thread, for the tests of verify and erasure. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type EventBus, openEmbeddedBus } from '@mindora/bus';
import { defaultRetention, documentOf, type EntityName, type Role, type Row } from '@mindora/contracts';
import { silentLogger, systemClock, systemRandom } from '@mindora/runtime';
import { openPrimary, type Target } from '@mindora/stores';
import { MemoryCache } from '@mindora/stores/cache/memory';
import { SqliteDocuments } from '@mindora/stores/documents/sqlite';
import { createLexicalEmbedder } from '@mindora/stores/embedder/lexical';
import { openFullTextStore } from '@mindora/stores/fulltext/sqlite';
import { openGraphStore } from '@mindora/stores/graph/sqlite';
import { SqlitePersonal } from '@mindora/stores/personal/sqlite';
import { SqliteRelational } from '@mindora/stores/relational/sqlite';
import { openVectorStore } from '@mindora/stores/vectors/sqlite';
import { startSync } from '../src/engine.ts';
import type { EraseParts } from '../src/erasure/index.ts';

const dimensions = 64;
const clock = systemClock();

function openStores(directory: string) {
  const file = (name: string): string => join(directory, `${name}.sqlite`);
  const personal = join(directory, 'personal');
  mkdirSync(personal, { recursive: true });
  return {
    relational: new SqliteRelational({ file: file('relational'), clock, dimensions }),
    cache: new MemoryCache({ clock }),
    documents: new SqliteDocuments({ file: file('documents'), clock }),
    fulltext: openFullTextStore({ file: file('fulltext'), clock }),
    graph: openGraphStore({ file: file('graph'), clock }),
    vectors: openVectorStore({ file: file('vectors'), clock, dimensions }),
    personal: new SqlitePersonal({ directory: personal, clock }),
  };
}

export type Version = Awaited<ReturnType<typeof openVersion>>;

/** Opens (or opens again) what lies in a directory, and starts its sync; over another bus than its own where one is given. */
export async function openVersion(directory: string, otherBus?: EventBus) {
  const random = systemRandom();
  const primary = await openPrimary({ file: join(directory, 'primary.sqlite') });
  await primary.migrate();
  const stores = openStores(directory);
  const targets = new Map<Role, Target>(Object.values(stores).map((store) => [store.role, store]));
  const options = { consumers: [...targets.keys()], clock, random };
  const bus = otherBus ?? (await openEmbeddedBus({ file: join(directory, 'bus.sqlite'), ...options }));
  const embedder = createLexicalEmbedder({ dimensions });
  const retention = defaultRetention;
  const log = silentLogger();
  const sync = startSync({ primary, bus, targets, embedder, clock, random, log, retention, relateScoreMin: null });
  const parts: EraseParts = {
    version: 'test',
    ledger: primary.ledger,
    targets,
    relations: stores.graph,
    bus,
    clock,
    embedder,
    retention,
    reconciling: (role) => sync.reconciling(role),
    queries: stores,
    holders: [],
  };
  const close = async (): Promise<void> => {
    await sync.stop();
    await bus.close();
    await primary.close();
    for (const store of targets.values()) await store.close();
  };
  return { primary, stores, targets, bus, sync, parts, close };
}

/** What a client sends of a conversation. */
export function exchange(id: string, userId: string, text: string): Row {
  return {
    id,
    user_id: userId,
    session_id: `session-of-${userId}`,
    user_input: text,
    ai_response: `answer to ${text}`,
    model_name: 'm1',
    context: { about: text },
  };
}

/** Runs statements on a file of SQLite by another connection, as somebody in the database's shell would. */
export function inShell<T>(file: string, use: (shell: DatabaseSync) => T): T {
  const shell = new DatabaseSync(file);
  try {
    shell.exec('PRAGMA busy_timeout = 5000');
    return use(shell);
  } finally {
    shell.close();
  }
}

/** Changes that somebody makes in a store's table of an entity, past the sync. */
export interface Meddling {
  remove(id: string): void;
  edit(id: string, field: string, text: string): void;
  copy(from: string, to: string): void;
}

export function meddle(shell: DatabaseSync, role: Role, entity: EntityName): Meddling {
  const { collection, key } = documentOf(role, entity);
  const run = (sql: string, ...values: string[]): void => void shell.prepare(sql).run(...values);
  if (role === 'documents') {
    const insert = `INSERT INTO "${collection}" (id, json) SELECT ?, json_set(json, '$.${key}', ?)`;
    return {
      remove: (id) => run(`DELETE FROM "${collection}" WHERE id = ?`, id),
      edit: (id, field, text) =>
        run(`UPDATE "${collection}" SET json = json_set(json, ?, ?) WHERE id = ?`, `$.${field}`, text, id),
      copy: (from, to) => run(`${insert} FROM "${collection}" WHERE id = ?`, to, to, from),
    };
  }
  const listed = shell.prepare(`PRAGMA table_xinfo("${collection}")`).all() as { name: string; hidden: number }[];
  const columns = listed.filter(({ name, hidden }) => name !== '_row' && hidden === 0).map(({ name }) => `"${name}"`);
  const next = `(SELECT max("index_number") + 1 FROM "${collection}")`;
  const values = columns.map((column) => (column === `"${key}"` ? '?' : column === '"index_number"' ? next : column));
  const insert = `INSERT INTO "${collection}" (${columns.join()}) SELECT ${values.join()}`;
  return {
    remove: (id) => run(`DELETE FROM "${collection}" WHERE "${key}" = ?`, id),
    edit: (id, field, text) => run(`UPDATE "${collection}" SET "${field}" = ? WHERE "${key}" = ?`, text, id),
    copy: (from, to) => run(`${insert} FROM "${collection}" WHERE "${key}" = ?`, to, from),
  };
}
