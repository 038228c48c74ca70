/** The graph on Neo4j (A2.5). */
import type { EntityName, RecordKey, Role } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import { assertLimit } from '../embedded/checks.ts';
import { refusedContents } from '../embedded/values.ts';
import type {
  ApplyBatch,
  ApplyResult,
  Capabilities,
  ScanPage,
  StoredRecord,
  StoreHealth,
  StorePosition,
} from '../port.ts';
import { isTimeout, Neo4jConnection, type Neo4jOptions } from './neo4j/connection.ts';
import { indexedBytesMax, isGraphEntity, names } from './neo4j/names.ts';
import { findPath } from './neo4j/path.ts';
import { type Decision, decide, keysOf, type Weighed, weigh } from './neo4j/plan.ts';
import { Neo4jQueries } from './neo4j/queries.ts';
import { deadRelations, relate, removeRelations } from './neo4j/relations.ts';
import { type Place, readRecords, scanLines, scanRecords } from './neo4j/scan.ts';
import { awaitTextIndex, brokenSchema, createSchema, weakSettingsOf, wipeGraph } from './neo4j/schema.ts';
import { versionOf } from './neo4j/state.ts';
import { isStray, removeStray, Strays } from './neo4j/strays.ts';
import { advance, forgetRecords, keysWhere, lockRecords, writeRecords } from './neo4j/writer.ts';
import type { GraphNode, GraphStore, Relation, Subgraph } from './port.ts';
import { type GraphEntity, parseNodeName } from './shape.ts';
import type { SimilarUser } from './similar.ts';

export type { Neo4jOptions } from './neo4j/connection.ts';

const answersMax = 1_000;
const depthMax = 6;
/** Expired records that are removed behind a batch, and records that one commit of a purge removes. */
const sweptPerBatchMax = 100;
const purgedPerCommitMax = 500;
/** How often batches without expiring records look for expired ones. */
const sweepEveryMs = 60_000;
const adminMs = 60_000;
const healthMs = 5_000;

const texts = {
  positions:
    'MATCH (p:_Position) RETURN p.incarnation AS incarnation, p.partition AS partition, p.n AS n ORDER BY partition',
  setPositions: `UNWIND $positions AS position MERGE (p:_Position {partition: position.partition})
    SET p.incarnation = position.incarnation, p.n = position.n`,
  label: `MATCH (m:_Meta {name: 'label'}) RETURN m.value AS value`,
  setLabel: `MERGE (m:_Meta {name: 'label'}) SET m.value = $label`,
} as const;

const isExpired = 'n._expiresAt <= $time';
const isBuried = 'n._deletedAt < $time';

/** The store on a Neo4j of 5.23 or later, its community edition included. Connects with the first call. */
export function openNeo4jGraph(options: Neo4jOptions): GraphStore {
  return new Neo4jGraph(options);
}

class Neo4jGraph implements GraphStore {
  readonly role: Role = 'graph';
  readonly capabilities: Capabilities = {
    expires: true,
    volatile: false,
    dimensions: 0,
    refuses: [...refusedContents, `ids, keywords and skills longer than ${indexedBytesMax} bytes`],
    retains: { what: 'transaction log, free space of its files', until: 'they are pruned or overwritten' },
  };
  readonly #clock: Clock;
  readonly #connection: Neo4jConnection;
  readonly #strays: Strays;
  #sweptAt = 0;

  constructor(options: Neo4jOptions) {
    this.#clock = options.clock;
    this.#connection = new Neo4jConnection(options);
    this.#strays = new Strays(this.#connection);
  }

  get engine(): string {
    return this.#connection.product;
  }

  async migrate(): Promise<void> {
    await this.#connection.introduce();
    await createSchema(this.#connection);
  }

  async apply({ items, positions }: ApplyBatch): Promise<ApplyResult[]> {
    const now = this.#clock.now();
    const weighed = items.map((item) => weigh(item, now));
    const { results, taken } = await this.#connection.write(async (transaction) => {
      const states = await lockRecords(transaction, keysOf(weighed));
      const decision = decide(weighed, heldVersions(states));
      await writeRecords(transaction, decision.taken, states);
      for (const { id } of straysIn(decision)) await removeStray(transaction, id);
      await advance(transaction, positions);
      return decision;
    });
    this.#strays.forget(taken.filter(({ document }) => document === null).map(({ id }) => id));
    await this.#sweep(weighed, now);
    return results;
  }

  async get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    const place = this.#place();
    const found = new Map<EntityName, Map<string, StoredRecord | null>>();
    for (const [entity, own] of Map.groupBy(keys, (key) => key.entity)) {
      if (!isGraphEntity(entity)) continue;
      const ids = own.map(({ id }) => id);
      const records = await readRecords(place, names[entity], ids);
      found.set(entity, new Map(ids.map((id, i) => [id, records[i] ?? null])));
    }
    if (found.size === 0) await this.#connection.read(async () => undefined);
    return keys.map(({ entity, id }) => found.get(entity)?.get(id) ?? null);
  }

  scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#page(entity, limit, (own) => scanRecords(this.#place(), { names: names[own], after, limit }));
  }

  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#page(entity, limit, (own) => scanLines(this.#place(), { names: names[own], after, limit }));
  }

  async refresh(): Promise<void> {
    await awaitTextIndex(this.#connection);
    await this.#strays.refresh();
  }

  async positions(): Promise<StorePosition[]> {
    const rows = await this.#connection.read((transaction) =>
      transaction.rows<{ incarnation: string; partition: bigint; n: bigint }>(texts.positions),
    );
    return rows.map(({ incarnation, partition, n }) => ({ incarnation, partition: Number(partition), n: Number(n) }));
  }

  async setPositions(positions: readonly StorePosition[]): Promise<void> {
    const rows = positions.map(({ incarnation, partition, n }) => {
      return { incarnation, partition: BigInt(partition), n: BigInt(n) };
    });
    await this.#connection.write((transaction) => transaction.rows(texts.setPositions, { positions: rows }));
  }

  async label(): Promise<string | null> {
    const rows = await this.#connection.read((transaction) => transaction.rows<{ value: string }>(texts.label));
    return rows[0]?.value ?? null;
  }

  async setLabel(label: string): Promise<void> {
    await this.#connection.write((transaction) => transaction.rows(texts.setLabel, { label }));
  }

  async purge(deletedBefore: number): Promise<number> {
    let purged = 0;
    for (const [condition, time] of [
      [isExpired, this.#clock.now()],
      [isBuried, Math.ceil(deletedBefore)],
    ] as const) {
      for (;;) {
        const { found, forgotten } = await this.#forgetSome(condition, time, purgedPerCommitMax);
        purged += forgotten;
        if (found < purgedPerCommitMax) break;
      }
    }
    return purged;
  }

  /** The server keeps deleted content in its files and logs until it writes over them; no query returns it (rule 16). */
  async scrub(): Promise<void> {
    await this.#connection.introduce();
  }

  async health(): Promise<StoreHealth> {
    try {
      const product = await this.#connection.introduce(healthMs);
      const broken = await brokenSchema(this.#connection);
      if (broken.length === 0) return { ok: true, detail: product };
      return { ok: false, detail: `${product}: missing or failed: ${broken.join(', ')}` };
    } catch (error) {
      return { ok: false, detail: (error as Error).message };
    }
  }

  weakSettings(): Promise<string[]> {
    return weakSettingsOf(this.#connection);
  }

  async wipe(): Promise<void> {
    await wipeGraph(this.#connection);
    this.#strays.clear();
    await createSchema(this.#connection);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  user(userId: string, limit: number): Promise<Subgraph> {
    return this.#query(limit, (queries) => queries.user(userId, limit));
  }

  chain(sessionId: string, limit: number, userId: string | null): Promise<GraphNode[]> {
    return this.#query(limit, (queries) => queries.chain(sessionId, limit, userId));
  }

  related(conversationId: string, limit: number, userId: string | null): Promise<(Relation & { node: GraphNode })[]> {
    return this.#query(limit, (queries) => queries.related(conversationId, limit, userId));
  }

  async path(from: string, to: string, depth: number, userId: string | null): Promise<Subgraph | null> {
    if (!Number.isInteger(depth) || depth < 1 || depth > depthMax) {
      throw new MindoraError('invalid_request', `depth must be an integer of 1 to ${depthMax}`);
    }
    parseNodeName(from);
    parseNodeName(to);
    try {
      return await this.#connection.read((transaction) => findPath(transaction, [from, to], depth, userId));
    } catch (thrown) {
      // As with the bound on nodes: what can't be found within bounds counts as not found.
      if (isTimeout(thrown)) return null;
      throw thrown;
    }
  }

  similarUsers(userId: string, limit: number): Promise<SimilarUser[]> {
    return this.#query(limit, (queries) => queries.similarUsers(userId, limit));
  }

  skills(userId: string | null, limit: number): Promise<{ skill: string; users: number }[]> {
    return this.#query(limit, (queries) => queries.skills(userId, limit));
  }

  async relate(conversationId: string, model: string, relations: readonly Relation[]): Promise<void> {
    if (relations.length > answersMax || relations.some(({ score }) => !Number.isFinite(score))) {
      throw new MindoraError('invalid_request', `relations must be at most ${answersMax}, with finite scores`);
    }
    await this.#connection.write((transaction) => relate(transaction, conversationId, model, relations));
  }

  async deadRelations(model: string, limit: number): Promise<[string, string][]> {
    assertLimit(limit);
    return this.#connection.read((transaction) => deadRelations(transaction, model, limit), adminMs);
  }

  async removeRelations(pairs: readonly [string, string][]): Promise<void> {
    if (pairs.length === 0) return;
    await this.#connection.write((transaction) => removeRelations(transaction, pairs));
  }

  #place(): Place {
    return { connection: this.#connection, strays: this.#strays, now: this.#clock.now() };
  }

  async #page(entity: EntityName, limit: number, read: (entity: GraphEntity) => Promise<ScanPage>): Promise<ScanPage> {
    assertLimit(limit);
    return isGraphEntity(entity) ? read(entity) : { records: [], next: null };
  }

  async #query<T>(limit: number, query: (queries: Neo4jQueries) => Promise<T>): Promise<T> {
    assertLimit(limit, answersMax);
    return this.#connection.read((transaction) => query(new Neo4jQueries(transaction)));
  }

  /** Behind a batch, and not with it: locks of other records would be taken out of order. */
  async #sweep(weighed: readonly Weighed[], now: number): Promise<void> {
    const expires = weighed.some(({ prepared }) => prepared?.expires === true);
    if (!expires && now - this.#sweptAt < sweepEveryMs) return;
    this.#sweptAt = now;
    await this.#forgetSome(isExpired, now, sweptPerBatchMax);
  }

  #forgetSome(condition: string, time: number, limit: number): Promise<{ found: number; forgotten: number }> {
    return this.#connection.write(async (transaction) => {
      const keys = await keysWhere(transaction, condition, time, limit);
      const forgotten = await forgetRecords(transaction, keys, condition, time);
      return { found: keys.length, forgotten };
    });
  }
}

function heldVersions(states: Awaited<ReturnType<typeof lockRecords>>): Map<string, number> {
  const versions = new Map<string, number>();
  for (const [key, { properties }] of states) {
    const version = versionOf(properties);
    if (version !== null) versions.set(key, version);
  }
  return versions;
}

function straysIn({ taken }: Decision): readonly { readonly id: string }[] {
  return taken.filter(({ id, document }) => document === null && isStray(id));
}
