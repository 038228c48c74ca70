/**
 * Writing records in one transaction. Locks are taken in one order everywhere: records by key, then users, sessions,
 * skills and models by name; what is decided is read only after the lock, so that no other transaction's write is lost.
 */
import { compareKeys } from '@mindora/contracts';
import type { StorePosition } from '../../port.ts';
import { type GraphEntity, keyProperties, type Label } from '../shape.ts';
import { lostRace, type Neo4jTransaction } from './connection.ts';
import { graphEntities, idOfKey, names, type SharedLabel, sharedLabels } from './names.ts';
import type { Prepared } from './plan.ts';
import { type EdgeCells, edgesHeld, edgeText, type StateRow, stateOfKeys } from './state.ts';

/** A property set and removed again leaves nothing behind but the lock on its node. */
const lock = 'SET n._lock = true REMOVE n._lock';

const texts = {
  lockRecords: `UNWIND $keys AS key MERGE (n:_Applied {_key: key}) ${lock}`,
  /** Nodes that only the lock made. */
  unlock: `UNWIND $keys AS key MATCH (n:_Applied {_key: key})
    WHERE n._version IS NULL AND size(labels(n)) = 1 AND NOT EXISTS { (n)--() } DELETE n`,
  dropNear: `UNWIND $keys AS key MATCH (n:_Applied {_key: key})-[r]-() WHERE type(r) <> 'RELATED_TO' DELETE r`,
  dropAll: 'UNWIND $keys AS key MATCH (n:_Applied {_key: key})-[r]-() DELETE r',
  forget: 'UNWIND $keys AS key MATCH (n:_Applied {_key: key}) DETACH DELETE n',
  // A batch that comes again after a crash doesn't take the position back; another incarnation counts anew.
  advance: `UNWIND $positions AS to MERGE (p:_Position {partition: to.partition})
    SET p.n = CASE WHEN p.incarnation = to.incarnation AND p.n > to.n THEN p.n ELSE to.n END,
      p.incarnation = to.incarnation`,
} as const;

/** The state of records, read after they were locked. */
export async function lockRecords(
  transaction: Neo4jTransaction,
  keys: readonly string[],
): Promise<Map<string, StateRow>> {
  const states = new Map<string, StateRow>();
  if (keys.length === 0) return states;
  const locked = transaction.rows(texts.lockRecords, { keys });
  const reads = graphEntities.map((entity) => readStates(transaction, entity, keys));
  const [, ...rows] = await Promise.all([locked, ...reads]);
  for (const row of rows.flat()) states.set(row.key, row);
  return states;
}

function readStates(transaction: Neo4jTransaction, entity: GraphEntity, keys: readonly string[]): Promise<StateRow[]> {
  const own = keys.filter((key) => key.startsWith(`${entity}:`));
  const pairs = own.map((key) => [key, idOfKey(entity, key)]);
  return own.length === 0
    ? Promise.resolve([])
    : transaction.rows(stateOfKeys(names[entity], 'noted'), { keys: pairs });
}

/** Sends a statement; where `rows` are given, each must find its nodes. */
type Send = (text: string, parameters: Record<string, unknown>) => void;

/** Writes what was taken of a batch; `states` are those of all its keys. */
export async function writeRecords(
  transaction: Neo4jTransaction,
  taken: readonly Prepared[],
  states: ReadonlyMap<string, StateRow>,
): Promise<void> {
  const writes: Promise<unknown>[] = [];
  const send: Send = (text, parameters) => {
    writes.push(sendOne(transaction, text, parameters));
  };
  const changed = taken.filter((item) => !hasItsEdges(item, states.get(item.key)));
  sendRemovals(send, changed, states);
  const lost = changed.flatMap(({ key }) => sharedEnds(edgesOfState(states.get(key))));
  const gained = changed.flatMap(({ edges }) => sharedEnds(edges));
  const losing = new Set(lost);
  const isFree = (name: string): boolean => labelOf(name) === 'AIModel' && !losing.has(name);
  sendByLabel(send, lockShared, [...lost, ...gained.filter((name) => !isFree(name))]);
  sendByLabel(send, mergeShared, gained.filter(isFree));
  sendNodes(send, taken);
  sendEdges(send, changed);
  const needed = new Set(gained);
  const left = lost.filter((name) => !needed.has(name));
  sendByLabel(send, removeUnused, left);
  const written = new Set(taken.map(({ key }) => key));
  const unused = [...states.keys()].filter((key) => !written.has(key));
  if (unused.length > 0) send(texts.unlock, { keys: unused });
  await Promise.all(writes);
}

/**
 * A node that another transaction deletes is found by a MERGE that waits for it, and is gone then without an error; what
 * would be written to it would be lost without one, too.
 */
async function sendOne(
  transaction: Neo4jTransaction,
  text: string,
  parameters: Record<string, unknown>,
): Promise<void> {
  const answer = await transaction.rows<{ count?: bigint }>(text, parameters);
  const { rows } = parameters;
  if (Array.isArray(rows) && Number(answer[0]?.count) !== rows.length) throw lostRace();
}

/** Keys of records that a condition on `n` and `$time` holds for. */
export async function keysWhere(
  transaction: Neo4jTransaction,
  condition: string,
  time: number,
  limit: number,
): Promise<string[]> {
  const text = `MATCH (n:_Applied) WHERE ${condition} RETURN n._key AS key LIMIT $limit`;
  const rows = await transaction.rows<{ key: string }>(text, { time: BigInt(time), limit: BigInt(limit) });
  return rows.map(({ key }) => key).sort(compareKeys);
}

/** Removes records, what sync noted of them included, where the condition still holds under the lock; how many. */
export async function forgetRecords(
  transaction: Neo4jTransaction,
  keys: readonly string[],
  condition: string,
  time: number,
): Promise<number> {
  if (keys.length === 0) return 0;
  const states = await lockRecords(transaction, keys);
  const text = `UNWIND $keys AS key MATCH (n:_Applied {_key: key}) WHERE ${condition} RETURN key`;
  const rows = await transaction.rows<{ key: string }>(text, { keys, time: BigInt(time) });
  const still = rows.map(({ key }) => key);
  await writeRecords(transaction, still.map(buriedOf), states);
  await transaction.rows(texts.forget, { keys: still });
  return still.length;
}

/** Notes how far partitions were applied, in their order: so transactions lock them in one. */
export async function advance(transaction: Neo4jTransaction, positions: readonly StorePosition[]): Promise<void> {
  if (positions.length === 0) return;
  const rows = positions
    .toSorted((a, b) => a.partition - b.partition)
    .map(({ partition, incarnation, n }) => ({ partition: BigInt(partition), incarnation, n: BigInt(n) }));
  await transaction.rows(texts.advance, { positions: rows });
}

/** Tombstones and what else only hangs on the edges that a record owns are the same for {@link writeRecords}. */
function buriedOf(key: string): Prepared {
  const entity = key.slice(0, key.indexOf(':')) as GraphEntity;
  const id = idOfKey(entity, key);
  return { entity, id, key, version: 0, properties: { _key: key }, document: null, edges: [], expires: false };
}

/** Whether its edges are there already, and hang on the right node; a tombstone's relations go in any case. */
function hasItsEdges({ edges, document }: Prepared, state: StateRow | undefined): boolean {
  if (document === null || (state?.foreign ?? null) !== null) return false;
  const wanted = edges.map(edgeText).sort();
  const held = edgesOfState(state).map(edgeText).sort();
  return wanted.length === held.length && wanted.every((text, i) => text === held[i]);
}

function edgesOfState(state: StateRow | undefined): EdgeCells[] {
  return state === undefined ? [] : edgesHeld(state);
}

/** Edges, and nodes with a record's id that aren't sync's. */
function sendRemovals(send: Send, changed: readonly Prepared[], states: ReadonlyMap<string, StateRow>): void {
  const known = changed.filter(({ key }) => !isNew(states.get(key)));
  const sendKeys = (text: string, items: readonly Prepared[]): void => {
    if (items.length > 0) send(text, { keys: items.map(({ key }) => key) });
  };
  sendKeys(
    texts.dropAll,
    known.filter(({ document }) => document === null),
  );
  sendKeys(
    texts.dropNear,
    known.filter(({ document }) => document !== null),
  );
  for (const entity of graphEntities) {
    const own = known.filter((item) => item.entity === entity);
    sendKeys(dropDistant(entity), own);
    sendKeys(
      dropForeign(entity),
      own.filter(({ key }) => (states.get(key)?.foreign ?? null) !== null),
    );
  }
}

/** Nothing is there but the node that the lock made. */
function isNew(state: StateRow | undefined): boolean {
  return state === undefined || (state.properties?._version == null && edgesHeld(state).length === 0 && !state.foreign);
}

function dropDistant(entity: GraphEntity): string {
  const { distant } = names[entity];
  return `UNWIND $keys AS key MATCH ()-[r:${distant}]->() USING INDEX r:${distant}(_owner)
    WHERE r._owner = key DELETE r`;
}

/** A node of another record that was given this one's id loses its label, and is found to lack its document. */
function dropForeign(entity: GraphEntity): string {
  const { label, key } = names[entity];
  return `UNWIND $keys AS key MATCH (d:${label} {${key}: substring(key, ${entity.length + 1})})
    WHERE d._key IS NULL OR d._key <> key OR NOT d:_Applied
    REMOVE d:${label} WITH d WHERE NOT d:_Applied DETACH DELETE d`;
}

function sendNodes(send: Send, taken: readonly Prepared[]): void {
  for (const entity of graphEntities) {
    const { label } = names[entity];
    const own = taken.filter((item) => item.entity === entity);
    const rowsOf = (items: readonly Prepared[]) => items.map(({ key, properties }) => ({ key, properties }));
    const put = rowsOf(own.filter(({ document }) => document !== null));
    const buried = rowsOf(own.filter(({ document }) => document === null));
    const text = 'UNWIND $rows AS row MATCH (n:_Applied {_key: row.key}) SET n = row.properties';
    if (put.length > 0) send(`${text} SET n:${label} RETURN count(*) AS count`, { rows: put });
    if (buried.length > 0) send(`${text} REMOVE n:${label} RETURN count(*) AS count`, { rows: buried });
  }
}

function sendEdges(send: Send, changed: readonly Prepared[]): void {
  const byType = Map.groupBy(
    changed.flatMap(({ edges }) => edges),
    ([type]) => type,
  );
  for (const [type, edges] of byType) {
    const [first] = edges;
    if (first === undefined) continue;
    const [from, to] = [labelOf(String(first[1])) as Label, labelOf(String(first[2])) as Label];
    const rows = edges.map(([, start, end, user, owner]) => [keyOfName(start), keyOfName(end), user, owner]);
    // Models are the only nodes not locked before; in one order they are locked here without a circle.
    send(createEdges(type, from, to), { rows: rows.sort((a, b) => compareKeys(String(a[1]), String(b[1]))) });
  }
}

function createEdges(type: string, from: Label, to: Label): string {
  return `UNWIND $rows AS row MATCH (a:${from} {${keyProperties[from]}: row[0]})
    MATCH (b:${to} {${keyProperties[to]}: row[1]})
    CREATE (a)-[:${type} {_user: row[2], _owner: row[3]}]->(b) RETURN count(*) AS count`;
}

function keyOfName(name: string | null): string {
  return name === null ? '' : name.slice(name.indexOf(':') + 1);
}

/** Names of the shared nodes at the ends of edges. */
function sharedEnds(edges: readonly EdgeCells[]): string[] {
  const ends = edges.flatMap(([, from, to]) => [from, to]);
  return ends.filter((name): name is string => name !== null && isShared(labelOf(name)));
}

function labelOf(name: string): string {
  return name.slice(0, name.indexOf(':'));
}

function isShared(label: string): label is SharedLabel {
  return (sharedLabels as readonly string[]).includes(label);
}

function sendByLabel(send: Send, text: (label: SharedLabel) => string, names: readonly string[]): void {
  for (const label of sharedLabels) {
    const keys = new Set(names.filter((name) => labelOf(name) === label).map(keyOfName));
    if (keys.size > 0) send(text(label), { keys: [...keys].sort(compareKeys) });
  }
}

/** Makes what is missing. Models aren't locked where they only gain: nearly all transactions want the same few. */
function mergeShared(label: SharedLabel): string {
  return `UNWIND $keys AS key MERGE (n:${label} {${keyProperties[label]}: key})`;
}

/** The lock keeps others from removing a node, and its edges from changing before they are counted. */
function lockShared(label: SharedLabel): string {
  return `${mergeShared(label)} ${lock}`;
}

function removeUnused(label: SharedLabel): string {
  return `UNWIND $keys AS key MATCH (n:${label} {${keyProperties[label]}: key}) WHERE NOT EXISTS { (n)--() } DELETE n`;
}
