import { type EntityName, entitiesOf, type RecordKey, type Row } from '@mindora/contracts';
import type { Clock } from '@mindora/runtime';
import { BSON, type Document } from 'mongodb';
import type { StoreConnection } from '../connection.ts';
import { assertLimit } from '../embedded/checks.ts';
import { refusalOf } from '../embedded/errors.ts';
import type {
  ApplyBatch,
  ApplyItem,
  ApplyResult,
  Capabilities,
  ScanPage,
  StoredRecord,
  StoreHealth,
  StorePosition,
} from '../port.ts';
import type { Page } from '../relational/port.ts';
import { MongoConnection } from './mongo-client.ts';
import { isAnswer } from './mongo-errors.ts';
import { findDocuments, visible } from './mongo-find.ts';
import { createIndexes } from './mongo-indexes.ts';
import { recordOf, versionsOnly, writeOf } from './mongo-records.ts';
import { MongoRegister } from './mongo-register.ts';
import { decodeFields, refusedByMongo, type StoredDocument } from './mongo-values.ts';
import { type GuardedWrite, writeGuarded } from './mongo-writes.ts';
import type { DocumentStore, FindQuery } from './port.ts';

export interface MongoDocumentsOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Documents that one query looks at before it gives up. */
  readonly examinedMax?: number;
}

const keysPerQuery = 500;
const documentsPerAnswer = 1_000;
/** Bytes of content in one page of a scan. */
const pageBytesMax = 8 * 1024 * 1024;
const purgedPerStep = 1_000;

/** The document store in MongoDB (A2.6). Does nothing before its first call, and connects by itself. */
export function openMongoDocuments(connection: StoreConnection, options: MongoDocumentsOptions): MongoDocuments {
  return new MongoDocuments(connection, options);
}

/**
 * A record is one document, its version, expiry and tombstone inside: one write changes all of it, which is what makes
 * the guard hold without transactions. So a document that has expired takes its version with it; an older state that
 * came later would be one that has expired, too, since retention counts from the creation.
 */
export class MongoDocuments implements DocumentStore {
  readonly role = 'documents';
  readonly engine = 'MongoDB';
  readonly capabilities: Capabilities = {
    expires: true,
    volatile: false,
    dimensions: 0,
    refuses: refusedByMongo,
    retains: { what: 'journal, operations log, free space of its files', until: 'they are overwritten' },
  };
  readonly #connection: MongoConnection;
  readonly #register: MongoRegister;
  readonly #entities = entitiesOf('documents');
  readonly #clock: Pick<Clock, 'now'>;
  readonly #examinedMax: number;

  constructor({ url }: StoreConnection, { clock, examinedMax = 20_000 }: MongoDocumentsOptions) {
    this.#connection = new MongoConnection(url);
    this.#register = new MongoRegister(this.#connection);
    this.#clock = clock;
    this.#examinedMax = examinedMax;
  }

  migrate(): Promise<void> {
    return this.#connection.run(async () => {
      for (const entity of this.#entities) await createIndexes(this.#connection.collection(entity), entity);
    });
  }

  /** Items first, then the position: what a crash leaves between is applied again. */
  apply({ items, positions }: ApplyBatch): Promise<ApplyResult[]> {
    return this.#connection.run(async () => {
      const { results, writes } = planOf(items, this.#clock.now());
      for (const [entity, some] of writes) {
        const collection = this.#connection.collection(entity);
        const answers = await writeGuarded(
          collection,
          some.map(({ write }) => write),
        );
        for (const [at, answer] of answers.entries()) results[some[at]?.place ?? -1] = answer;
      }
      await this.#register.advance(positions);
      return results;
    });
  }

  get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    return this.#connection.run(async () => {
      const found = new Map<string, StoredRecord | null>();
      for (const entity of new Set(keys.map((key) => key.entity))) {
        const ids = keys.filter((key) => key.entity === entity && key.id.isWellFormed()).map(({ id }) => id);
        for (const record of await this.#read(entity, ids)) found.set(`${entity}:${record.id}`, record);
      }
      return keys.map(({ entity, id }) => found.get(`${entity}:${id}`) ?? null);
    });
  }

  scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#connection.run(() => this.#page(entity, after, limit, true));
  }

  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#connection.run(() => this.#page(entity, after, limit, false));
  }

  /** A document's indexes change with it. */
  refresh(): Promise<void> {
    return this.#connection.run(async () => undefined);
  }

  positions(): Promise<StorePosition[]> {
    return this.#connection.run(() => this.#register.positions());
  }

  setPositions(positions: readonly StorePosition[]): Promise<void> {
    return this.#connection.run(() => this.#register.set(positions));
  }

  label(): Promise<string | null> {
    return this.#connection.run(() => this.#register.label());
  }

  setLabel(label: string): Promise<void> {
    return this.#connection.run(() => this.#register.setLabel(label));
  }

  purge(deletedBefore: number): Promise<number> {
    return this.#connection.run(async () => {
      const conditions = [
        { _deleted_at: { $lt: new Date(deletedBefore) } },
        { _expires_at: { $lte: new Date(this.#clock.now()) } },
      ];
      let purged = 0;
      for (const entity of this.#entities) {
        for (const condition of conditions) purged += await this.#remove(entity, condition);
      }
      return purged;
    });
  }

  /** The server's files are its own affair; no query returns what was deleted. */
  scrub(): Promise<void> {
    return this.#connection.run(async () => undefined);
  }

  async health(): Promise<StoreHealth> {
    try {
      await this.#connection.run(() => this.#connection.database.command({ ping: 1 }));
      return { ok: true, detail: this.engine };
    } catch (error) {
      return { ok: false, detail: (error as Error).message };
    }
  }

  wipe(): Promise<void> {
    return this.#connection.run(async () => {
      // Positions first: without them a store that was emptied in part is filled again.
      await this.#register.drop();
      for (const entity of this.#entities) {
        const collection = this.#connection.collection(entity);
        await collection.drop();
        await createIndexes(collection, entity);
      }
    });
  }

  /** Every write asks for the journal, so only a server without one is weak. One that doesn't tell has none to tell. */
  weakSettings(): Promise<string[]> {
    return this.#connection.run(async () => {
      const admin = this.#connection.database.admin();
      const options: Document = await admin.command({ getCmdLineOpts: 1 }).catch((error: unknown) => {
        if (isAnswer(error)) return {};
        throw error;
      });
      const off = options.parsed?.storage?.journal?.enabled === false;
      return off ? ['storage.journal.enabled is false: remove it'] : [];
    });
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  find(query: FindQuery): Promise<Page> {
    return this.#connection.run(() => {
      const bounds = { now: this.#clock.now(), examinedMax: this.#examinedMax };
      return findDocuments(this.#connection.collection(query.entity), query, bounds);
    });
  }

  profile(userId: string): Promise<Row | null> {
    return this.#connection.run(async () => {
      const conditions = [{ _id: { $eq: userId } }, visible(this.#clock.now())];
      const stored = await this.#connection.collection('profile').findOne({ $and: conditions });
      return stored === null ? null : { _id: stored._id, ...decodeFields(stored).document };
    });
  }

  async #read(entity: EntityName, ids: readonly string[]): Promise<StoredRecord[]> {
    if (!this.#entities.includes(entity)) return [];
    const records: (StoredRecord | null)[] = [];
    for (let start = 0; start < ids.length; start += keysPerQuery) {
      const some = ids.slice(start, start + keysPerQuery);
      const cursor = this.#connection.collection(entity).find({ _id: { $in: some } });
      const now = this.#clock.now();
      for await (const stored of cursor) records.push(recordOf(entity, stored, now, true));
    }
    return records.filter((record) => record !== null);
  }

  async #page(entity: EntityName, after: string | null, limit: number, withContent: boolean): Promise<ScanPage> {
    assertLimit(limit);
    if (!this.#entities.includes(entity)) return { records: [], next: null };
    const now = this.#clock.now();
    const records: StoredRecord[] = [];
    let [count, bytes, last] = [0, 0, after];
    for await (const stored of this.#fromId(entity, after, limit + 1, withContent)) {
      if (count === limit || bytes > pageBytesMax) return { records, next: last };
      count += 1;
      last = stored._id;
      if (withContent) bytes += BSON.calculateObjectSize(stored);
      const record = recordOf(entity, stored, now, withContent);
      if (record !== null) records.push(record);
    }
    return { records, next: null };
  }

  /** In the order of ids, which the server compares as bytes. Keys that aren't texts are nobody's records. */
  #fromId(
    entity: EntityName,
    after: string | null,
    limit: number,
    withContent: boolean,
  ): AsyncIterable<StoredDocument> {
    const filter = { _id: after === null ? { $gte: '' } : { $gt: after } };
    const options = withContent ? {} : { projection: versionsOnly };
    const batchSize = Math.min(limit, documentsPerAnswer);
    return this.#connection
      .collection(entity)
      .find(filter, { ...options, batchSize })
      .sort({ _id: 1 })
      .limit(limit);
  }

  /** Step by step, and only what still fulfils the condition: a record may come back meanwhile. */
  async #remove(entity: EntityName, condition: Document): Promise<number> {
    const collection = this.#connection.collection(entity);
    let removed = 0;
    for (;;) {
      const found = await collection
        .find(condition, { projection: { _id: 1 } })
        .limit(purgedPerStep)
        .toArray();
      if (found.length === 0) return removed;
      const ids = found.map(({ _id }) => _id);
      const { deletedCount } = await collection.deleteMany({ $and: [{ _id: { $in: ids } }, condition] });
      removed += deletedCount;
      if (found.length < purgedPerStep) return removed;
    }
  }
}

interface Placed {
  readonly write: GuardedWrite;
  readonly place: number;
}

/** The writes of each entity with their places, and the results as far as they are known: refusals. */
function planOf(items: readonly ApplyItem[], now: number) {
  const results = items.map((): ApplyResult => ({ outcome: 'applied' }));
  const writes = new Map<EntityName, Placed[]>();
  for (const [place, item] of items.entries()) {
    const write = writeOrRefusal(item, now);
    if ('outcome' in write) results[place] = write;
    else if (writes.has(item.entity)) writes.get(item.entity)?.push({ write, place });
    else writes.set(item.entity, [{ write, place }]);
  }
  return { results, writes };
}

function writeOrRefusal(item: ApplyItem, now: number): GuardedWrite | (ApplyResult & { readonly outcome: 'refused' }) {
  try {
    return writeOf(item, now);
  } catch (error) {
    const reason = refusalOf(error);
    if (reason === null) throw error;
    return { outcome: 'refused', reason };
  }
}
