/** A Neo4j past the store: what an operator would type. */
import { systemClock, systemRandom } from '@mindora/runtime';
import { Neo4jConnection, type Neo4jOptions } from '../../src/graph/neo4j/connection.ts';
import type { GraphHands } from './graph-samples.ts';

export function neo4jOptions(url: string): Neo4jOptions {
  return { connection: { url, namespace: '' }, clock: systemClock(), random: systemRandom() };
}

type Run = <T>(text: string, parameters?: Record<string, unknown>) => Promise<T[]>;

/** Runs statements on a server; {@link end} closes what they need. */
export function handOn(url: string): { readonly run: Run; end(): Promise<void> } {
  const connection = new Neo4jConnection(neo4jOptions(url));
  return {
    run: (text, parameters = {}) => connection.write((transaction) => transaction.rows(text, parameters)),
    end: () => connection.close(),
  };
}

/** Labels and keys of nodes by their names. */
const keys = new Map(
  Object.entries({ AIUser: 'userId', AISession: 'sessionId', AIModel: 'modelName', AIConversation: 'conversationId' }),
);

function nodePattern(variable: string, name: string): string {
  const [label = ''] = name.split(':');
  return `(${variable}:${label} {${keys.get(label)}: $${variable}})`;
}

function keyOf(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

export function handsOn(run: Run): GraphHands {
  const write = async (text: string, parameters: Record<string, unknown>): Promise<void> => {
    await run(text, parameters);
  };
  return {
    removeEdge: (owner, type) =>
      write(`MATCH ()-[r:${type}]->() WHERE r._owner = $owner DELETE r`, { owner: `conversation:${owner}` }),
    addEdge: (owner, [type, from, to], user) =>
      write(
        `MERGE ${nodePattern('a', from)} MERGE ${nodePattern('b', to)}
         CREATE (a)-[:${type} {_owner: $owner, _user: $user}]->(b)`,
        { a: keyOf(from), b: keyOf(to), owner: `conversation:${owner}`, user },
      ),
    addRelation: (from, to, model) =>
      write(
        `MATCH (a:AIConversation {conversationId: $from}) MERGE (b:Stranger {conversationId: $to})
         CREATE (a)-[:RELATED_TO {model: $model, score: 1.0}]->(b)`,
        { from, to, model },
      ),
    setProperty: (id, property, value) =>
      write(`MATCH (n:AIConversation {conversationId: $id}) SET n.${property} = $value`, { id, value }),
    takeNode: (id) => write('MATCH (n:AIConversation {conversationId: $id}) REMOVE n:AIConversation', { id }),
    addNode: (properties) => write('CREATE (n:AIConversation) SET n = $properties', { properties }),
  };
}
