/** What the graph holds of records: what sync noted, their nodes, and the edges that they own. */
import type { Row } from '@mindora/contracts';
import type { Stored } from '../../embedded/page.ts';
import { storedRecord } from '../../embedded/page.ts';
import type { Line } from '../../embedded/register.ts';
import type { Found } from '../../embedded/table.ts';
import type { StoredRecord } from '../../port.ts';
import { edgesOf } from '../shape.ts';
import { type EntityNames, idOfKey, nameOfNode, ownedTypes, recordKey } from './names.ts';
import { fromProperties, type Properties } from './values.ts';

/** type, from, to, user and owner of an edge; what another hand made may lack any. */
export type EdgeCells = readonly [string, string | null, string | null, unknown, unknown];

/** One record as the statements below give it. */
export interface StateRow {
  /** See {@link recordKey}. */
  readonly key: string;
  /** Of sync's own node, which is the record's node while that lives; null where sync never wrote it. */
  readonly properties: Properties | null;
  readonly live: boolean | null;
  /** Edges of the node, and of the foreign one. */
  readonly near: readonly EdgeCells[];
  /** Edges that name the record as their owner and don't touch its node. */
  readonly owned: readonly EdgeCells[];
  /** Of a node with the same id that isn't sync's. */
  readonly foreign: Properties | null;
}

const edgeCells = `[type(r), ${nameOfNode('startNode(r)')}, ${nameOfNode('endNode(r)')}, r._user, r._owner]`;
const nearTypes = ownedTypes.join('|');

/** The columns of a {@link StateRow} for `n`, sync's node or null, `d`, a foreign one or null, and `key`. */
export function stateColumns({ label, distant }: EntityNames, content: 'whole' | 'noted'): string {
  const properties = (node: string): string => (content === 'whole' ? `properties(${node})` : `${node} {._version}`);
  return `key, ${properties('n')} AS properties, n:${label} AS live,
    COLLECT { UNWIND [n, d] AS x MATCH (x)-[r:${nearTypes}]-() RETURN ${edgeCells} } AS near,
    COLLECT { MATCH ()-[r:${distant}]->() WHERE r._owner = key RETURN ${edgeCells} } AS owned,
    ${properties('d')} AS foreign`;
}

/** The state of records by their keys, in `$keys`: pairs of key and id. */
export function stateOfKeys(names: EntityNames, content: 'whole' | 'noted'): string {
  return `UNWIND $keys AS pair WITH pair[0] AS key, pair[1] AS id
    OPTIONAL MATCH (n:_Applied {_key: key})
    OPTIONAL MATCH (d:${names.label} {${names.key}: id}) WHERE n IS NULL OR d <> n
    RETURN ${stateColumns(names, content)}`;
}

/** The version that sync noted; null where it noted none. */
export function versionOf(properties: Properties | null): number | null {
  return integerOf(properties?._version);
}

export function lineOf(id: string, properties: Properties | null): Line | null {
  const version = versionOf(properties);
  if (properties === null || version === null) return null;
  const expiresAt = integerOf(properties._expiresAt);
  return { id, version, deleted: properties._deleted === true, expiresAt, owner: null };
}

function integerOf(value: unknown): number | null {
  return typeof value === 'bigint' ? Number(value) : null;
}

/** All edges of a record, wherever they are. */
export function edgesHeld({ near, owned }: StateRow): EdgeCells[] {
  return [...near, ...owned];
}

/** The edges that a record should have, in the same form. */
export function edgesWanted({ entity }: EntityNames, id: string, document: Row): EdgeCells[] {
  const user = typeof document.userId === 'string' ? document.userId : null;
  return edgesOf(entity, document).map(({ type, from, to }) => [type, from, to, user, recordKey(entity, id)]);
}

export function edgeText(cells: EdgeCells): string {
  return JSON.stringify(cells, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}

/** A record as queries see it, with what contradicts it; `stray` says what else stands under its id. */
export function recordOf(names: EntityNames, row: StateRow, stray: string | null, now: number): StoredRecord | null {
  const id = idOfKey(names.entity, row.key);
  const found = foundOf(names, id, row) ?? (stray === null ? null : orphanOf(names, id, stray));
  const stored: Stored = { id, line: lineOf(id, row.properties), found, present: null };
  return storedRecord(names.entity, stored, now);
}

function foundOf(names: EntityNames, id: string, row: StateRow): Found | null {
  const properties = row.live === true ? row.properties : row.foreign;
  if (properties === null)
    return edgesHeld(row).length === 0 ? null : orphanOf(names, id, 'edges stand without their node');
  const found = { ...fromProperties(names.definition, properties), id };
  const faults = [found.fault, ...edgeFaults(names, found, row)];
  if (found.document[names.definition.key] !== id) faults.push('it has the id of another record');
  if (row.live === true && row.foreign !== null) faults.push('its node is there twice');
  if (row.live === true && names.entity === 'conversation' && properties._at !== timeOf(found.document)) {
    faults.push('its place in the order of time is wrong');
  }
  const told = faults.filter((fault) => fault !== undefined);
  return told.length === 0 ? found : { ...found, fault: told.join('; ') };
}

/** The edges of a record must be just those that its properties make. */
function edgeFaults(names: EntityNames, found: Found, row: StateRow): string[] {
  const wanted = new Set(edgesWanted(names, found.id, found.document).map(edgeText));
  const extra = edgesHeld(row).filter((cells) => !wanted.delete(edgeText(cells))).length;
  return [
    ...(wanted.size > 0 ? [`edges are missing: ${wanted.size}`] : []),
    ...(extra > 0 ? [`edges are there that the record doesn't make: ${extra}`] : []),
  ];
}

/** What stands for something that has no document: all of its fields are null. */
export function orphanOf({ definition }: EntityNames, id: string, fault: string): Found {
  const empty = Object.keys(definition.fields).map((field) => [field, null] as const);
  return { id, document: { ...Object.fromEntries(empty), [definition.key]: id }, fault };
}

/** What conversations are ordered by. */
export function timeOf({ createdAt }: Row): string {
  return typeof createdAt === 'string' ? createdAt : '';
}
