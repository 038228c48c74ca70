import { crc32 } from 'node:zlib';
import { batchBytesMax, type Change } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { Group, type GroupSize } from '../group.ts';
import type { Delivery, OutgoingBatch, PartitionLag } from '../port.ts';
import { type Connections, connect, DamagedLogError } from './schema.ts';
import { type AppenderStatements, appenderStatements, type CursorStatements, cursorStatements } from './statements.ts';

export interface LogSettings {
  readonly file: string;
  readonly partitions: number;
  readonly consumers: readonly string[];
  readonly bytesMax: number;
  readonly batchesMax: number;
  /** Names a new log. */
  readonly incarnation: () => string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Parsed batches that are kept, each of at most 512 KB of JSON. */
const recentMax = 32;

/** A batch as text. */
interface Payload {
  readonly partition: number;
  readonly changes: string;
  readonly bytes: number;
}

/** The SQLite file of the embedded bus. All calls are synchronous; every method is one transaction. */
export class BatchLog {
  #incarnation: string;
  readonly #settings: LogSettings;
  readonly #connections: Connections;
  readonly #appender: AppenderStatements;
  readonly #cursors: CursorStatements;
  readonly #recent = new Map<string, readonly Change[]>();

  /** @throws DamagedLogError or an SqliteError that is a damage, where the file can't be used */
  constructor(settings: LogSettings) {
    this.#settings = settings;
    this.#connections = connect(settings.file);
    try {
      this.#appender = appenderStatements(this.#connections);
      this.#cursors = cursorStatements(this.#connections);
      this.#incarnation = this.#immediately('appender', () => this.#begin());
    } catch (error) {
      this.close();
      throw asDamage(error);
    }
  }

  get incarnation(): string {
    return this.#incarnation;
  }

  /** Goes on under another name. */
  rename(): void {
    const incarnation = this.#settings.incarnation();
    this.#immediately('appender', () => this.#appender.rename.run({ incarnation }));
    this.#incarnation = incarnation;
  }

  /** Appends in the given order, durably when it returns, and drops the oldest above the bounds. */
  append(batches: readonly OutgoingBatch[]): void {
    const payloads = batches.map((batch) => this.#payloadOf(batch));
    this.#immediately('appender', () => {
      for (const payload of payloads) this.#insert(payload);
      this.#appender.grow.run({ batches: payloads.length, bytes: sum(payloads) });
      this.#dropAbove();
    });
  }

  /**
   * The first batch that a consumer hasn't acknowledged, counted as delivered once more, with some behind it; null at
   * the head.
   */
  next(consumer: string, partition: number, size: GroupSize): Delivery | null {
    return this.#immediately('cursors', () => {
      const found = this.#cursors.next.get({ consumer, partition });
      if (found === undefined) return null;
      const deliveries = found.delivering === found.n ? found.deliveries + 1 : 1;
      // Counted before the handler sees it: a batch that kills the process is known as such after the restart.
      this.#cursors.delivering.run({ consumer, partition, n: found.n, deliveries });
      const { n, changes } = this.#group(partition, found, size.next(deliveries));
      return { incarnation: this.incarnation, partition, first: found.n, n, changes, deliveries };
    });
  }

  /** A batch with those behind it: `n` is the last one's. */
  #group(
    partition: number,
    { n: first, bytes }: { n: number; bytes: number },
    max: number,
  ): { n: number; changes: readonly Change[] } {
    const changes = this.#changesOf(partition, first);
    const behind = max === 1 ? [] : this.#cursors.behind.all({ partition, n: first, limit: max - 1 });
    if (behind.length === 0) return { n: first, changes };
    const group = new Group(changes, bytes);
    let n = first;
    for (const batch of behind) {
      if (batch.n !== n + 1 || !group.add(this.#changesOf(partition, batch.n), batch.bytes)) break;
      n = batch.n;
    }
    return { n, changes: group.changes };
  }

  /** Consumers follow each other closely, so what one has read and parsed the next ones find here. */
  #changesOf(partition: number, n: number): readonly Change[] {
    const recent = this.#recent.get(`${partition} ${n}`);
    if (recent !== undefined) return recent;
    const stored = this.#cursors.payload.get({ partition, n });
    if (stored === undefined || crc32(stored.changes) !== stored.checksum) {
      throw new DamagedLogError(`batch ${n} of ${partition}`);
    }
    const changes = JSON.parse(stored.changes) as Change[];
    this.#recent.set(`${partition} ${n}`, changes);
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > recentMax && oldest !== undefined) this.#recent.delete(oldest);
    return changes;
  }

  /** Notes that a consumer is done with a batch; what all consumers are done with is deleted. */
  acknowledge(consumer: string, partition: number, n: number): void {
    this.#immediately('cursors', () => {
      this.#cursors.acknowledge.run({ consumer, partition, n });
      shrink(this.#cursors, this.#cursors.truncate.all({ partition }));
    });
  }

  heads(): number[] {
    return this.#cursors.heads.all();
  }

  lag(consumer: string): PartitionLag[] {
    return this.#cursors.lag.all({ consumer });
  }

  /** Rewrites the file without its freed pages and empties the write-ahead log: deleted content leaves no byte. */
  scrub(): void {
    this.#recent.clear();
    this.#connections.appender.exec('VACUUM');
    this.#connections.appender.pragma('wal_checkpoint(TRUNCATE)');
  }

  close(): void {
    this.#connections.cursors.close();
    this.#connections.appender.close();
  }

  #begin(): string {
    const { partitions, consumers, incarnation } = this.#settings;
    let log = this.#appender.log.get();
    if (log === undefined) {
      log = { incarnation: incarnation(), partitions };
      this.#appender.create.run(log);
    }
    // Another number of partitions sends records other ways, where their order is lost: begin anew.
    if (log.partitions !== partitions) throw new DamagedLogError(`made for ${log.partitions} partitions`);
    // A consumer that is gone would hold the log for ever.
    this.#appender.forgetOthers.run(JSON.stringify(consumers));
    for (let partition = 0; partition < partitions; partition++) {
      this.#appender.addHead.run({ partition });
      for (const consumer of consumers) this.#appender.addCursor.run({ consumer, partition });
      shrink(this.#appender, this.#appender.truncate.all({ partition }));
    }
    return log.incarnation;
  }

  #payloadOf({ partition, changes }: OutgoingBatch): Payload {
    if (!Number.isInteger(partition) || partition < 0 || partition >= this.#settings.partitions) {
      throw new MindoraError('invalid_request', `the bus has no partition ${partition}`);
    }
    const text = JSON.stringify(changes);
    const bytes = Buffer.byteLength(text);
    if (bytes > batchBytesMax * 2) throw new MindoraError('invalid_request', `a batch of ${bytes} bytes is too large`);
    return { partition, changes: text, bytes };
  }

  #insert({ partition, changes, bytes }: Payload): void {
    const n = this.#appender.advance.get({ partition });
    this.#appender.insert.run({ partition, n, at: this.#settings.now(), bytes, checksum: crc32(changes), changes });
  }

  /**
   * A bounded log never makes publishers or other consumers wait for one that lags: its oldest batches go. It then
   * sees a hole in n and reconciles with the ledger, which is the same recovery as for a lost bus (rule 8).
   */
  #dropAbove(): void {
    const { bytesMax, batchesMax } = this.#settings;
    let size = this.#appender.size.get();
    while (size !== undefined && size.batches > 1 && (size.bytes > bytesMax || size.batches > batchesMax)) {
      shrink(this.#appender, this.#appender.dropOldest.all());
      size = this.#appender.size.get();
    }
  }

  #immediately<T>(connection: keyof Connections, work: () => T): T {
    return this.#connections[connection].transaction(work).immediate();
  }
}

function shrink(on: AppenderStatements | CursorStatements, deleted: readonly { readonly bytes: number }[]): void {
  if (deleted.length > 0) on.grow.run({ batches: -deleted.length, bytes: -sum(deleted) });
}

function sum(parts: readonly { readonly bytes: number }[]): number {
  return parts.reduce((total, part) => total + part.bytes, 0);
}

/** A file of the right format whose tables don't fit the statements is damaged too. */
function asDamage(error: unknown): unknown {
  const isSchema = (error as { code?: unknown } | null)?.code === 'SQLITE_ERROR';
  return isSchema ? new DamagedLogError('tables are missing', error) : error;
}
