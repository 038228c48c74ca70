import type { EntityName, Json, RecordKey, Row } from '@mindora/contracts';
import { type Clock, type Random, systemRandom } from '@mindora/runtime';
import { closedError } from '../embedded/errors.ts';
import { refusedContents } from '../embedded/values.ts';
import type { ApplyBatch, ApplyResult, ScanPage, StoredRecord, StoreHealth, StorePosition } from '../port.ts';
import { Channels } from './channels.ts';
import { type CachePolling, subscribeByPolling } from './client.ts';
import type { CacheStore } from './port.ts';
import { CacheRecords } from './records.ts';
import { CacheValues, recordOfKey } from './values.ts';

export interface MemoryCacheOptions {
  readonly clock: Clock;
  readonly random?: Random;
  /** Memory for the contents of records. */
  readonly recordBytesMax?: number;
  /** Memory for the services' own values. */
  readonly valueBytesMax?: number;
}

const mebibyte = 1024 * 1024;

/** The cache inside the process (A2.3): everything is gone when it ends, and sync fills it again. */
export class MemoryCache implements CacheStore, CachePolling {
  readonly role = 'cache';
  readonly engine = 'memory';
  readonly capabilities = { expires: true, volatile: true, dimensions: 0, refuses: refusedContents } as const;
  readonly subscribe: CacheStore['subscribe'];
  readonly #clock: Clock;
  readonly #records: CacheRecords;
  readonly #values: CacheValues;
  readonly #channels: Channels;
  readonly #positions = new Map<number, StorePosition>();
  #label: string | null = null;
  #open = true;

  constructor(options: MemoryCacheOptions) {
    this.#clock = options.clock;
    this.#records = new CacheRecords(options.recordBytesMax ?? 64 * mebibyte);
    this.#values = new CacheValues(options.valueBytesMax ?? 16 * mebibyte);
    this.#channels = new Channels(options.clock);
    this.subscribe = subscribeByPolling(this, { clock: options.clock, random: options.random ?? systemRandom() });
  }

  migrate(): Promise<void> {
    return this.#run(() => undefined);
  }

  apply(batch: ApplyBatch): Promise<ApplyResult[]> {
    return this.#run((now) => {
      const results = batch.items.map((item) => this.#records.apply(item, now));
      for (const position of batch.positions) this.#advance(position);
      this.#records.sweep(now);
      return results;
    });
  }

  get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    return this.#run((now) => keys.map((key) => this.#records.get(key, now)));
  }

  scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#run((now) => this.#records.scan(entity, after, limit, now, true));
  }

  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#run((now) => this.#records.scan(entity, after, limit, now, false));
  }

  refresh(): Promise<void> {
    return this.#run((now) => this.#records.sweep(now));
  }

  positions(): Promise<StorePosition[]> {
    return this.#run(() => [...this.#positions.values()].sort((a, b) => a.partition - b.partition));
  }

  setPositions(positions: readonly StorePosition[]): Promise<void> {
    return this.#run(() => {
      for (const position of positions) this.#positions.set(position.partition, position);
    });
  }

  label(): Promise<string | null> {
    return this.#run(() => this.#label);
  }

  setLabel(label: string): Promise<void> {
    return this.#run(() => {
      this.#label = label;
    });
  }

  purge(deletedBefore: number): Promise<number> {
    return this.#run((now) => this.#records.purge(deletedBefore, now));
  }

  /** Memory that was let go is not in any file. */
  scrub(): Promise<void> {
    return this.#run(() => undefined);
  }

  async health(): Promise<StoreHealth> {
    return this.#open ? { ok: true, detail: this.engine } : { ok: false, detail: 'cache is closed' };
  }

  wipe(): Promise<void> {
    return this.#run(() => {
      this.#records.clear();
      this.#values.clear();
      this.#positions.clear();
      this.#label = null;
    });
  }

  async close(): Promise<void> {
    this.#open = false;
    this.#channels.closeAll();
  }

  record(entity: 'conversation' | 'analysis', id: string): Promise<Row | null> {
    return this.#run((now) => this.#records.read(entity, id, now));
  }

  read(key: string): Promise<Json | null> {
    return this.#run((now) => {
      const record = recordOfKey(key);
      return record === null ? this.#values.read(key, now) : this.#records.read(record.entity, record.id, now);
    });
  }

  write(key: string, value: Json, ttlMs: number): Promise<void> {
    return this.#run((now) => this.#values.write(key, value, ttlMs, now));
  }

  remove(key: string): Promise<boolean> {
    return this.#run((now) => this.#values.remove(key, now));
  }

  increment(key: string, windowMs: number): Promise<{ readonly count: number; readonly endsAt: number }> {
    return this.#run((now) => this.#values.increment(key, windowMs, now));
  }

  publish(channel: string, message: Json): Promise<void> {
    return this.#run(() => this.#channels.publish(channel, message));
  }

  openSubscription(channel: string): Promise<string> {
    return this.#run(() => this.#channels.open(channel));
  }

  poll(subscription: string, waitMs: number): Promise<Json[]> {
    return this.#run(() => this.#channels.poll(subscription, waitMs));
  }

  closeSubscription(subscription: string): Promise<void> {
    return this.#run(() => this.#channels.close(subscription));
  }

  async #run<T>(work: (now: number) => T | Promise<T>): Promise<T> {
    if (!this.#open) throw closedError(this.role);
    return work(this.#clock.now());
  }

  /** A batch that comes again doesn't take the position back; another incarnation counts anew. */
  #advance(position: StorePosition): void {
    const held = this.#positions.get(position.partition);
    const behind = held?.incarnation === position.incarnation && held.n > position.n;
    if (!behind) this.#positions.set(position.partition, position);
  }
}
