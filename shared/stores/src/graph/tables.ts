/** The graph as tables: nodes with properties, edges with the record that owns them, and derived relations. */
import { documentOf, type EntityName, entitiesOf, type Row } from '@mindora/contracts';
import {
  type Connection,
  type Found,
  type PresentItem,
  type Range,
  type RoleTables,
  Statements,
  Table,
} from '../embedded/index.ts';
import { mergeById, withFault } from '../embedded/numbered.ts';
import { edgesOf, type GraphEntity, type OwnedEdge } from './shape.ts';

/** Indexes of nodes by what queries ask for. */
const nodeIndexes: Readonly<Record<GraphEntity, readonly (readonly string[])[]>> = {
  conversation: [
    ['userId', 'createdAt'],
    ['sessionId', 'createdAt'],
  ],
  analysis: [['userId', 'createdAt']],
};

/** Names of nodes are `Label:key`. `user_id` is the user of the owning record: restrictions to a user go by it. */
const edgeTables = [
  `CREATE TABLE IF NOT EXISTS edges (
    type TEXT NOT NULL, from_node TEXT NOT NULL, to_node TEXT NOT NULL, user_id TEXT,
    owner_entity TEXT NOT NULL CHECK (owner_entity IN ('conversation', 'analysis')), owner_id TEXT NOT NULL) STRICT`,
  `CREATE UNIQUE INDEX IF NOT EXISTS edges_by_owner ON edges (owner_entity, owner_id, type, from_node, to_node)`,
  `CREATE INDEX IF NOT EXISTS edges_by_from ON edges (from_node, user_id)`,
  `CREATE INDEX IF NOT EXISTS edges_by_to ON edges (to_node, user_id)`,
  `CREATE TABLE IF NOT EXISTS related_to (
    from_id TEXT NOT NULL, to_id TEXT NOT NULL, model TEXT NOT NULL, score REAL NOT NULL,
    PRIMARY KEY (from_id, to_id)) STRICT, WITHOUT ROWID`,
  `CREATE INDEX IF NOT EXISTS related_to_by_to ON related_to (to_id)`,
];

const texts = {
  add: 'INSERT INTO edges (type, from_node, to_node, user_id, owner_entity, owner_id) VALUES (?, ?, ?, ?, ?, ?)',
  owned:
    'SELECT type, from_node AS "from", to_node AS "to", user_id AS user FROM edges WHERE owner_entity = ? AND owner_id = ?',
  disown: 'DELETE FROM edges WHERE owner_entity = ? AND owner_id = ?',
  unrelate: 'DELETE FROM related_to WHERE from_id = ? OR to_id = ?',
  owners: 'SELECT DISTINCT owner_id FROM edges WHERE owner_entity = ? AND owner_id NOT IN',
} as const;

const orphansMax = 1_000;

type StoredEdge = OwnedEdge & { readonly user: string | null };

export class GraphTables implements RoleTables {
  readonly #connection: Connection;
  readonly #statements: Statements;
  readonly #nodes = new Map<EntityName, Table>();
  /** Records of which only edges are there, as the last refresh found them. */
  readonly #orphans = new Map<EntityName, readonly string[]>();

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#statements = new Statements(connection);
    for (const entity of entitiesOf('graph')) {
      const indexes = nodeIndexes[entity as GraphEntity];
      this.#nodes.set(entity, new Table(connection, { ...documentOf('graph', entity), indexes }));
    }
  }

  /** The nodes with properties that an entity makes. */
  nodes(entity: EntityName): Table {
    const table = this.#nodes.get(entity);
    if (table === undefined) throw new RangeError('the store holds no such entity');
    return table;
  }

  create(): readonly EntityName[] {
    const dropped: EntityName[] = [];
    for (const text of edgeTables) this.#connection.exec(text);
    for (const [entity, table] of this.#nodes) {
      if (!table.create()) continue;
      this.#statements.get('DELETE FROM edges WHERE owner_entity = ?').run(entity);
      if (entity === 'conversation') this.#connection.exec('DELETE FROM related_to');
      dropped.push(entity);
    }
    return dropped;
  }

  drop(): void {
    for (const table of this.#nodes.values()) table.drop();
    this.#connection.exec('DROP TABLE IF EXISTS edges; DROP TABLE IF EXISTS related_to');
    this.#orphans.clear();
  }

  put({ entity, id, document }: PresentItem): void {
    this.nodes(entity).put(document);
    this.#statements.get(texts.disown).run(entity, id);
    for (const { type, from, to } of edgesOf(entity as GraphEntity, document)) {
      this.#statements.get(texts.add).run(type, from, to, userOf(document), entity, id);
    }
  }

  remove(entity: EntityName, id: string): void {
    this.nodes(entity).remove(id);
    this.#statements.get(texts.disown).run(entity, id);
    if (entity === 'conversation') this.#statements.get(texts.unrelate).run(id, id);
  }

  read(entity: EntityName, id: string): Found | null {
    const found = this.nodes(entity).read(id);
    if (found !== null) return this.#checked(entity, found);
    return this.#owned(entity, id).length > 0 ? this.#orphanFound(entity, id) : null;
  }

  range(entity: EntityName, after: string | null, limit: number): Range {
    const { rows, end } = this.nodes(entity).range(after, limit);
    const checked = rows.map((found) => this.#checked(entity, found));
    const orphans = this.#orphansAfter(entity, after).map((id) => this.#orphanFound(entity, id));
    const merged = mergeById(checked, orphans, end);
    return { rows: merged.slice(0, limit), end: end && merged.length <= limit };
  }

  ids(entity: EntityName, after: string | null, limit: number): string[] {
    const ids = this.nodes(entity)
      .ids(after, limit)
      .map((id) => ({ id }));
    const orphans = this.#orphansAfter(entity, after).map((id) => ({ id }));
    const merged = mergeById(ids, orphans, ids.length < limit);
    return merged.slice(0, limit).map(({ id }) => id);
  }

  refresh(): void {
    for (const [entity, table] of this.#nodes) {
      const sql = `${texts.owners} (SELECT "${table.definition.key}" FROM ${table.name}) ORDER BY owner_id LIMIT ?`;
      this.#orphans.set(entity, this.#statements.get(sql).pluck().all(entity, orphansMax) as string[]);
    }
  }

  /** The edges of a record must be just those that its properties make. */
  #checked(entity: EntityName, found: Found): Found {
    const user = userOf(found.document);
    const wanted = new Set(edgesOf(entity as GraphEntity, found.document).map((edge) => textOf({ ...edge, user })));
    const stored = this.#owned(entity, found.id).map(textOf);
    const extra = stored.filter((edge) => !wanted.delete(edge)).length;
    let checked = found;
    if (wanted.size > 0) checked = withFault(checked, `edges are missing: ${wanted.size}`);
    if (extra > 0) checked = withFault(checked, `edges are there that the record doesn't make: ${extra}`);
    return checked;
  }

  #owned(entity: EntityName, id: string): StoredEdge[] {
    return this.#statements.get(texts.owned).all(entity, id) as StoredEdge[];
  }

  /** Still there and not mended since the refresh. */
  #orphansAfter(entity: EntityName, after: string | null): string[] {
    const table = this.nodes(entity);
    const later = (this.#orphans.get(entity) ?? []).filter((id) => after === null || isAfter(id, after));
    return later.filter((id) => table.rowid(id) === null && this.#owned(entity, id).length > 0);
  }

  #orphanFound(entity: EntityName, id: string): Found {
    const { fields, key } = this.nodes(entity).definition;
    const empty = Object.keys(fields).map((field) => [field, null] as const);
    return { id, document: { ...Object.fromEntries(empty), [key]: id }, fault: 'edges stand without their node' };
  }
}

function userOf(document: Row): string | null {
  const { userId } = document;
  return typeof userId === 'string' ? userId : null;
}

function textOf({ type, from, to, user }: StoredEdge): string {
  return JSON.stringify([type, from, to, user]);
}

function isAfter(id: string, after: string): boolean {
  return Buffer.compare(Buffer.from(id), Buffer.from(after)) > 0;
}
