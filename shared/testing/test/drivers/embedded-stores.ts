import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeVector, type Role, type Row } from '@mindora/contracts';
import type {
  ApplyItem,
  CacheStore,
  DocumentStore,
  FullTextStore,
  GraphStore,
  PersonalStore,
  RelationalStore,
  SpecialStore,
  Target,
  VectorStore,
} from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import Database from 'better-sqlite3';
import type { TargetDriver } from '../../src/target/driver.ts';
import { sampleDimensions } from '../../src/target/sample.ts';

type Finder = (target: Target, item: ApplyItem, document: Row) => Promise<unknown>;

const all = { limit: 100, after: null } as const;

function findRows(target: Target, item: ApplyItem): Promise<unknown> {
  return (target as SpecialStore).rows({ ...all, entity: item.entity, where: {} });
}

/** The query of each role that must find a conversation, or what else it holds. */
const finders: Readonly<Record<Role, Finder>> = {
  relational: (target, item) =>
    (target as RelationalStore).conversations({ ...all, userId: item.owner ?? '', sessionId: null }),
  cache: (target, item) => (target as CacheStore).record('conversation', item.id),
  documents: (target, item) =>
    (target as DocumentStore).find({
      ...all,
      entity: 'conversation',
      filter: { conversation_id: item.id },
      userId: null,
    }),
  fulltext: (target, item) => {
    const query = { ...all, entity: 'conversation' as const, userId: item.owner, analysisType: null };
    return (target as FullTextStore).search({ ...query, query: `text${item.version} 数据库`, sort: 'relevance' });
  },
  graph: (target, item) => (target as GraphStore).user(item.owner ?? '', 100),
  vectors: (target, item, document) => {
    const vector = decodeVector(String(document.vector));
    return (target as VectorStore).nearest({ entity: 'conversation', vector, limit: 10, userId: item.owner });
  },
  personal: (target, item) => (target as PersonalStore).list(item.owner ?? '', 'conversation', 100, null),
  identity: findRows,
  governance: findRows,
  credit: findRows,
};

export const driver: TargetDriver = {
  module: new URL(import.meta.url),
  open: (role, directory) => createStore(role, { directory, dimensions: sampleDimensions }),
  async sees(target, item) {
    const found = await finders[target.role](target, item, item.document ?? {});
    return JSON.stringify(found ?? null).includes(JSON.stringify(item.id));
  },
  async tamper(_role, directory, item) {
    for (const file of await databases(directory)) {
      const database = new Database(file);
      const table = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = '_applied'").get();
      if (table !== undefined) {
        database.prepare('DELETE FROM _applied WHERE entity = ? AND id = ?').run(item.entity, item.id);
      }
      database.close();
    }
  },
};

async function databases(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const found: string[] = [];
  for (const file of files) if (await isDatabase(file)) found.push(file);
  return found;
}

async function isDatabase(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(15), 0, 15, 0);
    return buffer.toString() === 'SQLite format 3';
  } finally {
    await handle.close();
  }
}
