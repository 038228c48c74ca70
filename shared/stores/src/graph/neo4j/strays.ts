/**
 * What lies in the graph beside all records: edges whose owner isn't there or that name none, shared nodes that nothing
 * is linked to. Looked for by {@link Strays.refresh}, before a comparison; scans show them as documents without content,
 * and a tombstone for the id that they are given removes them.
 */
import { compareKeys } from '@mindora/contracts';
import { type GraphEntity, keyProperties } from '../shape.ts';
import type { Neo4jConnection, Neo4jTransaction } from './connection.ts';
import { graphEntities, idOfKey, names, type SharedLabel } from './names.ts';

/** Of each kind; more show after these are removed. */
const straysMax = 1_000;
const lookMs = 120_000;

const edgePrefix = '#edge-';
const nodePrefix = '#node-';
/** The entity whose edges a shared node hangs on. */
const entityOfLabel: Readonly<Record<SharedLabel, GraphEntity>> = {
  AIUser: 'conversation',
  AISession: 'conversation',
  AIModel: 'conversation',
  Skill: 'analysis',
};

const removeEdge = `MATCH ()-[r:HAS_SESSION|HAS_SKILL]->() WHERE elementId(r) = $id AND r._owner IS NULL DELETE r`;
const anyShared = Object.keys(entityOfLabel)
  .map((label) => `n:${label}`)
  .join(' OR ');
const removeNode = `MATCH (n) WHERE elementId(n) = $id AND (${anyShared}) AND NOT EXISTS { (n)--() } DELETE n`;

type Found = readonly { readonly name: string }[];

export class Strays {
  readonly #connection: Neo4jConnection;
  /** Ids with what is wrong; null where the edges themselves tell it. */
  #found: Readonly<Record<GraphEntity, ReadonlyMap<string, string | null>>> = {
    conversation: new Map(),
    analysis: new Map(),
  };

  constructor(connection: Neo4jConnection) {
    this.#connection = connection;
  }

  async refresh(): Promise<void> {
    const [conversation, analysis] = await this.#connection.read(async (transaction) => {
      const [first, second] = graphEntities.map((entity) => look(transaction, entity));
      return [(await first) ?? new Map(), (await second) ?? new Map()];
    }, lookMs);
    this.#found = { conversation: conversation ?? new Map(), analysis: analysis ?? new Map() };
  }

  /** Ids above `after`, up to `last` where it is given. */
  idsBetween(entity: GraphEntity, after: string | null, last: string | null): string[] {
    const ids = [...this.#found[entity].keys()];
    return ids.filter(
      (id) => (after === null || compareKeys(id, after) > 0) && (last === null || compareKeys(id, last) <= 0),
    );
  }

  faultOf(entity: GraphEntity, id: string): string | null {
    return this.#found[entity].get(id) ?? null;
  }

  clear(): void {
    this.#found = { conversation: new Map(), analysis: new Map() };
  }

  /** They have been removed. */
  forget(ids: readonly string[]): void {
    const gone = new Set(ids);
    if (gone.size === 0) return;
    const rest = (entity: GraphEntity) => new Map([...this.#found[entity]].filter(([id]) => !gone.has(id)));
    this.#found = { conversation: rest('conversation'), analysis: rest('analysis') };
  }
}

/** Whether an id was given by us to something that is no record. */
export function isStray(id: string): boolean {
  return id.startsWith(edgePrefix) || id.startsWith(nodePrefix);
}

/** Removes what the id was given to, if it is still what it was. */
export async function removeStray(transaction: Neo4jTransaction, id: string): Promise<void> {
  const [text, prefix] = id.startsWith(edgePrefix) ? [removeEdge, edgePrefix] : [removeNode, nodePrefix];
  await transaction.rows(text, { id: id.slice(prefix.length) });
}

async function look(transaction: Neo4jTransaction, entity: GraphEntity): Promise<Map<string, string | null>> {
  const { distant } = names[entity];
  const limit = BigInt(straysMax);
  const prefix = `${entity}:`;
  const strays = new Map<string, string | null>();
  const owners: Found = await transaction.rows(
    `MATCH ()-[r:${distant}]->() WHERE r._owner STARTS WITH $prefix AND NOT EXISTS { MATCH (:_Applied {_key: r._owner}) }
     RETURN DISTINCT r._owner AS name LIMIT $limit`,
    { prefix, limit },
  );
  for (const { name } of owners) strays.set(idOfKey(entity, name), null);
  const edges: Found = await transaction.rows(
    `MATCH ()-[r:${distant}]->() WHERE r._owner IS NULL RETURN elementId(r) AS name LIMIT $limit`,
    { limit },
  );
  for (const { name } of edges) strays.set(edgePrefix + name, 'it is an edge that no record owns');
  for (const label of labelsOf(entity)) {
    const nodes: Found = await transaction.rows(
      `MATCH (n:${label}) WHERE n.${keyProperties[label]} IS NULL OR NOT EXISTS { (n)--() }
       RETURN elementId(n) AS name LIMIT $limit`,
      { limit },
    );
    for (const { name } of nodes) strays.set(nodePrefix + name, 'it is a node that nothing is linked to');
  }
  return strays;
}

function labelsOf(entity: GraphEntity): SharedLabel[] {
  const labels = Object.entries(entityOfLabel) as [SharedLabel, GraphEntity][];
  return labels.filter(([, owner]) => owner === entity).map(([label]) => label);
}
