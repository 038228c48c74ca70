/** Damage to the graph in Neo4j. */
import type { DriftKind } from '@mindora/contracts';
import type { Driver } from 'neo4j-driver';
import { type Damage, damage, type Material } from './port.ts';

const node = 'MATCH (n:AIConversation {conversationId: $id})';
/** An edge that a record owns. */
const edge = `MATCH ()-[r:HAS_SESSION {_owner: 'conversation:' + $id}]->()`;
const foreignEdge = `MERGE (u:AIUser {userId: 'nobody'}) MERGE (s:AISession {sessionId: 'nowhere'})
  CREATE (u)-[r:HAS_SESSION {_owner: 'conversation:' + $id, _user: 'nobody'}]->(s)`;

/** Nodes, what sync notes on them, and edges. */
export function graphDamages(driver: Driver, material: Material): Damage[] {
  /** Runs a statement that must find its place. */
  const run = async (text: string, parameters: Record<string, string>): Promise<void> => {
    const { records } = await driver.executeQuery(`${text} RETURN count(*) AS count`, parameters);
    if (Number(records[0]?.get('count')) !== 1) throw new Error(`found nothing: ${text}`);
  };
  const on = (kind: DriftKind, about: string, text: string): Damage => {
    const { id } = material.conversation();
    return damage('graph', 'conversation', id, kind, about, () => run(text, { id }));
  };
  const copy = (id: string, from: string): Promise<void> => {
    const text = `MATCH (m:AIConversation {conversationId: $from}) CREATE (n:AIConversation {conversationId: $id})
      SET n.userInput = m.userInput, n.userId = m.userId, n.sessionId = m.sessionId, n.createdAt = m.createdAt`;
    return run(text, { id, from });
  };
  const { id: model } = material.conversation();
  const { id: gone } = material.deleted();
  const [unknown, nobody] = [material.stranger(), material.stranger()];
  return [
    on('different', 'a node deleted', `${node} DETACH DELETE n`),
    on('different', 'a text changed', `${node} SET n.userInput = n.userInput + '.'`),
    on('different', 'a field emptied', `${node} REMOVE n.modelName`),
    on('different', 'a noted version raised', `${node} SET n._version = n._version + 5`),
    on('stale', 'a noted version lowered', `${node} SET n._version = n._version - 1`),
    on('different', 'a note deleted', `${node} REMOVE n._version`),
    on('different', 'a record noted as deleted', `${node} SET n._deleted = true`),
    on('different', 'an edge deleted', `${edge} DELETE r`),
    on('different', 'an edge added', foreignEdge),
    on('different', 'an edge given to another user', `${edge} SET r._user = 'nobody'`),
    damage('graph', 'conversation', nobody, 'extra', 'an edge without a record', () =>
      run(foreignEdge, { id: nobody }),
    ),
    damage('graph', 'conversation', unknown, 'extra', 'an unknown node', () => copy(unknown, model)),
    damage('graph', 'conversation', gone, 'resurrected', 'a deleted record back', () => copy(gone, model)),
  ];
}
