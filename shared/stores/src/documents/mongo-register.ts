/** What sync notes of the whole store: positions and a label, in a collection of their own. */
import { type AnyBulkWriteOperation, type Collection, type Db, MongoBulkWriteError } from 'mongodb';
import type { StorePosition } from '../port.ts';
import { isDuplicate } from './mongo-errors.ts';

interface Entry {
  readonly _id: string;
  readonly label?: string;
  readonly partition?: number;
  readonly incarnation?: string;
  readonly n?: number;
}

const triesMax = 3;

export class MongoRegister {
  readonly #connection: { readonly database: Db };

  constructor(connection: { readonly database: Db }) {
    this.#connection = connection;
  }

  get #entries(): Collection<Entry> {
    return this.#connection.database.collection<Entry>('_sync');
  }

  async positions(): Promise<StorePosition[]> {
    const entries = await this.#entries.find({ _id: { $regex: /^position:/ } }).toArray();
    const positions = entries.map(({ incarnation = '', partition = 0, n = 0 }) => ({ incarnation, partition, n }));
    return positions.sort((a, b) => a.partition - b.partition);
  }

  /** Moves on; a batch that comes again doesn't take a position back, another incarnation counts anew. */
  async advance(positions: readonly StorePosition[]): Promise<void> {
    if (positions.length === 0) return;
    // Who is behind stumbles over the key, as does who begins at the same time as another: that one tries again.
    for (let tries = 0; tries < triesMax; tries++) {
      try {
        await this.#entries.bulkWrite(positions.map(advanceOf), { ordered: false });
        return;
      } catch (error) {
        if (!areDuplicates(error)) throw error;
      }
    }
  }

  async set(positions: readonly StorePosition[]): Promise<void> {
    for (const position of positions) {
      await this.#entries.replaceOne({ _id: keyOf(position.partition) }, { ...position }, { upsert: true });
    }
  }

  async label(): Promise<string | null> {
    return (await this.#entries.findOne({ _id: 'label' }))?.label ?? null;
  }

  async setLabel(label: string): Promise<void> {
    await this.#entries.replaceOne({ _id: 'label' }, { label }, { upsert: true });
  }

  async drop(): Promise<void> {
    await this.#entries.drop();
  }
}

function advanceOf(position: StorePosition): AnyBulkWriteOperation<Entry> {
  const { incarnation, partition, n } = position;
  const behind = { $or: [{ incarnation: { $ne: incarnation } }, { n: { $lte: n } }] };
  return {
    replaceOne: { filter: { _id: keyOf(partition), ...behind }, replacement: { ...position }, upsert: true },
  };
}

/** Whether nothing but keys that are there failed; everything else was written, durably. */
function areDuplicates(error: unknown): boolean {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError() !== undefined) return false;
  return [error.writeErrors].flat().every((failure) => isDuplicate(failure));
}

function keyOf(partition: number): string {
  return `position:${partition}`;
}
