/** The graph on Neo4j beside one UNWIND that makes the same nodes and edges, with the same constraints and indexes. */
import type { ApplyItem } from '@mindora/stores';
import { createStore } from '@mindora/stores/create';
import driver, { type Driver } from 'neo4j-driver';
import { type ApplyBench, conversationOf } from './harness.ts';

const uniques = [
  ['RawConversation', 'conversationId'],
  ['RawUser', 'userId'],
  ['RawSession', 'sessionId'],
  ['RawModel', 'modelName'],
] as const;

const indexes = [
  'CREATE INDEX raw_user FOR (n:RawConversation) ON (n.userId, n.createdAt)',
  'CREATE INDEX raw_session FOR (n:RawConversation) ON (n.sessionId, n.createdAt)',
  'CREATE INDEX raw_owner FOR ()-[r:RAW_HAS_SESSION]-() ON (r._owner)',
  `CREATE FULLTEXT INDEX raw_text FOR (n:RawConversation) ON EACH [n.userInput, n.aiResponse]
    OPTIONS { indexConfig: { \`fulltext.analyzer\`: 'cjk', \`fulltext.eventually_consistent\`: true } }`,
];

const create = `UNWIND $rows AS row
  CREATE (n:RawConversation) SET n = row
  MERGE (u:RawUser {userId: row.userId})
  MERGE (s:RawSession {sessionId: row.sessionId})
  MERGE (m:RawModel {modelName: row.modelName})
  CREATE (u)-[:RAW_HAS_SESSION {_owner: row.conversationId}]->(s)
  CREATE (s)-[:RAW_CONTAINS {_owner: row.conversationId}]->(n)
  CREATE (n)-[:RAW_USES {_owner: row.conversationId}]->(m)`;
const change = 'UNWIND $rows AS row MATCH (n:RawConversation {conversationId: row.conversationId}) SET n = row';

export const neo4j: ApplyBench = {
  engine: 'neo4j',
  beside: 'one UNWIND of the same nodes and edges',
  async open({ url }) {
    const connection = { url, namespace: '' };
    const store = await createStore('graph', { directory: '', dimensions: 0, connection });
    const { protocol, host, username, password } = new URL(url);
    const client = driver.driver(`${protocol}//${host}`, driver.auth.basic(username, password));
    for (const [label, key] of uniques) {
      await run(client, `CREATE CONSTRAINT FOR (n:${label}) REQUIRE n.${key} IS UNIQUE`);
    }
    for (const text of [...indexes, 'CALL db.awaitIndexes(60)']) await run(client, text);
    return {
      store,
      kinds: { conversations: conversationOf(store) },
      raw: async (items, isNew) => {
        const rows = items.map(({ document }: ApplyItem) => document);
        return () => run(client, isNew ? create : change, { rows });
      },
      async close() {
        await store.close();
        await client.close();
      },
    };
  },
};

async function run(client: Driver, text: string, parameters: Record<string, unknown> = {}): Promise<void> {
  await client.executeQuery(text, parameters);
}
