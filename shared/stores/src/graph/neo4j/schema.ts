/**
 * Constraints and indexes, made before anything is written: without a constraint two transactions would each make the
 * shared node that both look for. Also what is looked at in a server's settings, and wiping.
 */
import { MindoraError } from '@mindora/runtime';
import { keyProperties } from '../shape.ts';
import type { Neo4jConnection } from './connection.ts';
import { names, ownedTypes } from './names.ts';

const uniqueKeys: readonly (readonly [label: string, property: string])[] = [
  ...Object.entries(keyProperties),
  ['_Applied', '_key'],
  ['_Position', 'partition'],
  ['_Meta', 'name'],
];

/** `_at` is the time of a conversation, '' where it has none: an index leaves out nodes without the property. */
const nodeIndexes: readonly (readonly [label: string, ...properties: string[]])[] = [
  [names.conversation.label, 'userId', '_at'],
  [names.conversation.label, 'sessionId', '_at'],
  ['_Applied', '_deletedAt'],
  ['_Applied', '_expiresAt'],
];

/** Edges that are found by the record that owns them. */
const ownedIndexes = [names.conversation.distant, names.analysis.distant];

const textIndex = `CREATE FULLTEXT INDEX mindora_text IF NOT EXISTS FOR (n:${names.conversation.label})
  ON EACH [n.userInput, n.aiResponse]
  OPTIONS { indexConfig: { \`fulltext.analyzer\`: 'cjk', \`fulltext.eventually_consistent\`: true } }`;

const labels = ['_Applied', names.conversation.label, names.analysis.label, 'AISession', 'AIUser', 'AIModel', 'Skill'];
/** Nodes or edges that one commit removes: the server holds all of a commit in memory. */
const removedPerCommitMax = 5_000;
const awaitSeconds = 60;

function constraintName(label: string): string {
  return `mindora_${label.toLowerCase()}_key`;
}

function statements(): string[] {
  const constraints = uniqueKeys.map(
    ([label, property]) =>
      `CREATE CONSTRAINT ${constraintName(label)} IF NOT EXISTS FOR (n:${label}) REQUIRE n.${property} IS UNIQUE`,
  );
  const indexes = nodeIndexes.map(([label, ...properties]) => {
    const name = ['mindora', label, ...properties].join('_').toLowerCase();
    return `CREATE INDEX ${name} IF NOT EXISTS FOR (n:${label}) ON (${properties.map((one) => `n.${one}`).join(', ')})`;
  });
  const owned = ownedIndexes.map(
    (type) => `CREATE INDEX mindora_${type.toLowerCase()}_owner IF NOT EXISTS FOR ()-[r:${type}]-() ON (r._owner)`,
  );
  return [...constraints, ...indexes, ...owned, textIndex];
}

/** Makes what is missing and waits until it can be used. */
export async function createSchema(connection: Neo4jConnection): Promise<void> {
  for (const text of statements()) await connection.schema(text);
  await connection.schema(`CALL db.awaitIndexes(${awaitSeconds})`);
}

/** Waits until the full-text index, which the server fills behind the commits, has caught up. */
export function awaitTextIndex(connection: Neo4jConnection): Promise<void> {
  return connection.schema('CALL db.index.fulltext.awaitEventuallyConsistentIndexRefresh()');
}

/** Names of our constraints that aren't there, and of indexes that don't work. */
export async function brokenSchema(connection: Neo4jConnection): Promise<string[]> {
  const [constraints, indexes] = await connection.read(async (transaction) => [
    await transaction.rows<{ name: string }>('SHOW CONSTRAINTS YIELD name'),
    await transaction.rows<{ name: string }>(`SHOW INDEXES YIELD name, state WHERE state = 'FAILED' RETURN name`),
  ]);
  const there = new Set((constraints ?? []).map(({ name }) => name));
  const missing = uniqueKeys.map(([label]) => constraintName(label)).filter((name) => !there.has(name));
  const failed = (indexes ?? []).filter(({ name }) => name.startsWith('mindora_'));
  return [...missing, ...failed.map(({ name }) => name)];
}

/** Settings by which the store could lose or give away what it confirmed. */
export async function weakSettingsOf(connection: Neo4jConnection): Promise<string[]> {
  const settings = await connection.read((transaction) =>
    transaction.rows<{ value: string }>(`SHOW SETTINGS 'dbms.security.auth_enabled' YIELD value`),
  );
  const open = settings.some(({ value }) => value === 'false');
  const broken = await brokenSchema(connection);
  // Nothing of ours is there yet: the first migrate makes it.
  const isNew = uniqueKeys.every(([label]) => broken.includes(constraintName(label)));
  return [
    ...(open ? ['dbms.security.auth_enabled is false: whoever reaches the port reads and writes everything'] : []),
    ...(isNew ? [] : broken.map((name) => `${name} is missing or failed`)),
  ];
}

/** Removes all that is ours. First what says how far the store is: half wiped it must not look filled. */
export async function wipeGraph(connection: Neo4jConnection): Promise<void> {
  await connection.write((transaction) => transaction.rows('MATCH (n:_Position|_Meta) DETACH DELETE n'));
  for (const type of [...ownedTypes, 'RELATED_TO']) {
    await removeAll(connection, `MATCH ()-[r:${type}]->() WITH r LIMIT $limit DELETE r RETURN count(*) AS removed`);
  }
  for (const label of labels) {
    await removeAll(connection, `MATCH (n:${label}) WITH n LIMIT $limit DETACH DELETE n RETURN count(*) AS removed`);
  }
}

/** Ends, because each round removes something and nothing is added meanwhile; bounded all the same. */
const roundsMax = 1_000_000;

async function removeAll(connection: Neo4jConnection, text: string): Promise<void> {
  for (let round = 0; round < roundsMax; round++) {
    const rows = await connection.write((transaction) =>
      transaction.rows<{ removed: bigint }>(text, { limit: BigInt(removedPerCommitMax) }),
    );
    if (Number(rows[0]?.removed ?? 0) < removedPerCommitMax) return;
  }
  throw new MindoraError('store_unavailable', 'graph is written to while it is wiped');
}
