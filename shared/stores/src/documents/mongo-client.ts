import type { EntityName } from '@mindora/contracts';
import { documentOf } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import {
  type Collection,
  type Db,
  MongoClient,
  type MongoClientOptions,
  MongoError,
  MongoTopologyClosedError,
} from 'mongodb';
import { closedError } from '../embedded/errors.ts';
import { toDocumentsError } from './mongo-errors.ts';
import type { StoredDocument } from './mongo-values.ts';

/** Everything has an end, also waiting for a connection; sync repeats what failed, so the driver need not. */
const options: MongoClientOptions = {
  appName: 'mindora',
  serverSelectionTimeoutMS: 3_000,
  connectTimeoutMS: 3_000,
  socketTimeoutMS: 30_000,
  waitQueueTimeoutMS: 5_000,
  maxPoolSize: 20,
  minPoolSize: 0,
  retryReads: false,
  retryWrites: false,
  // A write is answered when no failure of a single server or process can take it back.
  writeConcern: { w: 'majority', journal: true },
};

/** A database of a server, which is connected to with the first call, and again by itself. */
export class MongoConnection {
  readonly #url: string;
  #client: MongoClient;
  #closed = false;

  /** The address names the database. @throws MindoraError `invalid_request` where it is no address */
  constructor(url: string) {
    this.#url = url;
    this.#client = clientOf(url);
  }

  /** Asked for with each call: the client may be another one by then. */
  get database(): Db {
    return this.#client.db();
  }

  /** @throws MindoraError `store_unavailable` */
  async run<T>(work: () => Promise<T>): Promise<T> {
    // A client that was closed would connect again.
    if (this.#closed) throw closedError('documents');
    const client = this.#client;
    try {
      return await work();
    } catch (error) {
      if (error instanceof MongoTopologyClosedError) this.#replace(client);
      throw toDocumentsError(error);
    }
  }

  /** A client whose first connection failed while several calls waited for it never connects again. */
  #replace(client: MongoClient): void {
    if (this.#closed || this.#client !== client) return;
    this.#client = clientOf(this.#url);
    void client.close().catch(() => undefined);
  }

  collection(entity: EntityName): Collection<StoredDocument> {
    return this.database.collection<StoredDocument>(documentOf('documents', entity).collection);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#client.close();
  }
}

function clientOf(url: string): MongoClient {
  try {
    return new MongoClient(url, options);
  } catch (error) {
    // Its message may repeat the address, which has a password.
    if (error instanceof MongoError) throw new MindoraError('invalid_request', 'not an address of MongoDB');
    throw error;
  }
}
