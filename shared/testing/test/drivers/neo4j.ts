import { createHash } from 'node:crypto';
import type { Role } from '@mindora/contracts';
import { systemClock, systemRandom } from '@mindora/runtime';
import type { GraphStore } from '@mindora/stores';
import { openNeo4jGraph } from '@mindora/stores/graph/neo4j';
import { Neo4jConnection, type Neo4jOptions } from '@mindora/stores/graph/neo4j/connection';
import { sharedEngine } from '../../src/engines/index.ts';
import type { TargetDriver } from '../../src/target/driver.ts';

export async function neo4jOptions(): Promise<Neo4jOptions> {
  const { url } = await sharedEngine('neo4j');
  return { connection: { url, namespace: '' }, clock: systemClock(), random: systemRandom() };
}

/** Runs a statement as another hand would, past the store. */
export async function byHand<T>(text: string, parameters: Record<string, unknown> = {}): Promise<T[]> {
  const connection = new Neo4jConnection(await neo4jOptions());
  try {
    return await connection.write((transaction) => transaction.rows<T>(text, parameters));
  } finally {
    await connection.close();
  }
}

/**
 * The community edition has one database: the server notes whose directory it holds, and is emptied for another one.
 * A child that is given the same directory finds what its parent wrote.
 */
export async function openNeo4j(directory: string): Promise<GraphStore> {
  const store = openNeo4jGraph(await neo4jOptions());
  const wanted = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  const [held] = await byHand<{ directory: string }>('MATCH (t:_Test) RETURN t.directory AS directory');
  if (held?.directory === wanted) return store;
  await store.migrate();
  await store.wipe();
  await byHand('MERGE (t:_Test) SET t.directory = $wanted', { wanted });
  return store;
}

export const driver: TargetDriver = {
  module: new URL(import.meta.url),
  open: (_role: Role, directory: string) => openNeo4j(directory),
  async sees(target, item) {
    const found = await (target as GraphStore).user(item.owner ?? '', 100);
    return found.nodes.some(({ label, key }) => label === 'AIConversation' && key === item.id);
  },
  async tamper(_role, _directory, { entity, id }) {
    await byHand('MATCH (n:_Applied {_key: $key}) REMOVE n:_Applied, n._key, n._version, n._deleted', {
      key: `${entity}:${id}`,
    });
  },
};
