import type { EntityName, Json, RecordKey, Row } from '@mindora/contracts';
import type { Clock, Random } from '@mindora/runtime';
import type { StoreConnection } from '../connection.ts';
import { assertItem, assertLimit } from '../embedded/checks.ts';
import { ContentError, closedError, refusalOf } from '../embedded/errors.ts';
import { refusedContents } from '../embedded/values.ts';
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
import { Channels } from './channels.ts';
import { type CachePolling, subscribeByPolling } from './client.ts';
import type { CacheStore } from './port.ts';
import { contentOf } from './records.ts';
import { RedisListener } from './redis-channels.ts';
import { RedisConnection, type RedisTimes, redisTimes } from './redis-connection.ts';
import { cachedEntities, labelField, positionsField, RedisKeys } from './redis-keys.ts';
import { liveContent, pageOf, positionsOf, resultOf, rowsOf, storedOf } from './redis-rows.ts';
import { makeWhole, noteStrays, removeAll, rewriteFiles, weakSettingsOf } from './redis-upkeep.ts';
import { RedisValues } from './redis-values.ts';
import { recordOfKey } from './values.ts';

export interface RedisCacheOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly times?: RedisTimes;
}

/** Items that one script takes: a server does nothing else meanwhile. */
const itemsPerScript = 1_000;
const keysPerScript = 500;
/** Bytes of content in one answer of a scan. */
const pageBytesMax = 8 * 1024 * 1024;
const sweptPerScript = 500;
const purgedPerScript = 500;

/** The cache in Redis (A2.3). Does nothing before its first call, and connects by itself. */
export function openRedisCache(connection: StoreConnection, options: RedisCacheOptions): RedisCache {
  return new RedisCache(connection, options);
}

export class RedisCache implements CacheStore, CachePolling {
  readonly role = 'cache';
  readonly engine = 'Redis';
  /** What a restart takes from it shows in its positions, which lie in one key with all that they speak for. */
  readonly capabilities: Capabilities = {
    expires: true,
    volatile: false,
    dimensions: 0,
    refuses: refusedContents,
    retains: { what: 'append-only file and snapshot', until: 'the rewrite that was asked for has ended' },
  };
  readonly subscribe: CacheStore['subscribe'];
  readonly #clock: Clock;
  readonly #keys: RedisKeys;
  readonly #connection: RedisConnection;
  readonly #values: RedisValues;
  readonly #channels: Channels;
  readonly #listener: RedisListener;

  constructor({ url, namespace }: StoreConnection, { clock, random, times = redisTimes }: RedisCacheOptions) {
    this.#clock = clock;
    this.#keys = new RedisKeys(namespace);
    this.#connection = new RedisConnection(url, times);
    this.#values = new RedisValues(this.#connection, this.#keys, clock);
    this.#channels = new Channels(clock);
    this.#listener = new RedisListener(url, this.#channels, this.#keys.channel(''), times);
    this.subscribe = subscribeByPolling(this, { clock, random });
  }

  migrate(): Promise<void> {
    return this.#connection.run((client) => makeWhole({ client, keys: this.#keys }));
  }

  async apply({ items, positions }: ApplyBatch): Promise<ApplyResult[]> {
    this.#assertOpen();
    const results = items.map((item) => this.#refusal(item));
    const taken = items.flatMap((item, i) => (results[i] === null ? [{ item, i }] : []));
    for (let start = 0; start === 0 || start < taken.length; start += itemsPerScript) {
      const some = taken.slice(start, start + itemsPerScript);
      const isLast = start + itemsPerScript >= taken.length;
      const held = await this.#applySome(
        some.map(({ item }) => item),
        isLast ? positions : [],
      );
      for (const [at, { i }] of some.entries()) results[i] = resultOf(held[at]);
    }
    return results.map((result) => result ?? { outcome: 'applied' });
  }

  async get(keys: readonly RecordKey[]): Promise<(StoredRecord | null)[]> {
    this.#assertOpen();
    const records: (StoredRecord | null)[] = [];
    for (let start = 0; start < keys.length; start += keysPerScript) {
      const some = keys.slice(start, start + keysPerScript);
      const rows = await this.#rows(some);
      const now = this.#clock.now();
      records.push(...some.map((key, i) => storedOf(key, rows[i], now)));
    }
    return records;
  }

  scan(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#page(entity, after, limit, pageBytesMax);
  }

  scanVersions(entity: EntityName, after: string | null, limit: number): Promise<ScanPage> {
    return this.#page(entity, after, limit, null);
  }

  refresh(): Promise<void> {
    return this.#connection.run(async (client) => {
      const scope = { client, keys: this.#keys };
      await makeWhole(scope);
      await noteStrays(scope);
    });
  }

  positions(): Promise<StorePosition[]> {
    return this.#connection.run(async (client) => positionsOf(await client.hget(this.#keys.state, positionsField)));
  }

  async setPositions(positions: readonly StorePosition[]): Promise<void> {
    const { state, due, namespace } = this.#keys;
    const facts = positions.flatMap(({ partition, incarnation, n }) => [String(partition), incarnation, String(n)]);
    await this.#connection.run((client) => client.cachePosition(state, due, namespace, ...facts));
  }

  label(): Promise<string | null> {
    return this.#connection.run((client) => client.hget(this.#keys.state, labelField));
  }

  async setLabel(label: string): Promise<void> {
    await this.#connection.run((client) => client.hset(this.#keys.state, labelField, label));
  }

  async purge(deletedBefore: number): Promise<number> {
    const { state, due, namespace } = this.#keys;
    let purged = 0;
    for (;;) {
      const facts = [this.#clock.now(), Math.max(0, deletedBefore), purgedPerScript];
      const count = Number(await this.#connection.run((client) => client.cachePurge(state, due, namespace, ...facts)));
      purged += count;
      if (count < purgedPerScript) return purged;
    }
  }

  scrub(): Promise<void> {
    return this.#connection.run((client) => rewriteFiles(client, this.#clock));
  }

  async health(): Promise<StoreHealth> {
    try {
      await this.#connection.run((client) => client.ping());
      return { ok: true, detail: this.engine };
    } catch (error) {
      return { ok: false, detail: (error as Error).message };
    }
  }

  wipe(): Promise<void> {
    return this.#connection.run((client) => removeAll({ client, keys: this.#keys }));
  }

  /** What of the server's settings loses more in a crash than it should, each with what to set. */
  weakSettings(): Promise<string[]> {
    return this.#connection.run(weakSettingsOf);
  }

  async close(): Promise<void> {
    this.#listener.end();
    await this.#connection.close();
  }

  async record(entity: 'conversation' | 'analysis', id: string): Promise<Row | null> {
    const [row] = await this.#rows([{ entity, id }]);
    return liveContent(row, this.#clock.now());
  }

  async read(key: string): Promise<Json | null> {
    const record = recordOfKey(key);
    return record === null ? this.#values.read(key) : this.record(record.entity, record.id);
  }

  async write(key: string, value: Json, ttlMs: number): Promise<void> {
    await this.#values.write(key, value, ttlMs);
  }

  async remove(key: string): Promise<boolean> {
    return this.#values.remove(key);
  }

  async increment(key: string, windowMs: number): Promise<{ readonly count: number; readonly endsAt: number }> {
    return this.#values.increment(key, windowMs);
  }

  async publish(channel: string, message: Json): Promise<void> {
    await this.#connection.run((client) => client.publish(this.#keys.channel(channel), JSON.stringify(message)));
  }

  async openSubscription(channel: string): Promise<string> {
    this.#assertOpen();
    return this.#listener.open(channel);
  }

  async poll(subscription: string, waitMs: number): Promise<Json[]> {
    this.#assertOpen();
    return this.#channels.poll(subscription, waitMs);
  }

  async closeSubscription(subscription: string): Promise<void> {
    await this.#listener.close(subscription);
  }

  #assertOpen(): void {
    if (this.#connection.closed) throw closedError(this.role);
  }

  /** What this side knows to be wrong with an item; null where the server may have it. */
  #refusal(item: ApplyItem): ApplyResult | null {
    try {
      assertItem(this.role, item);
      if (item.document !== null) contentOf(item.entity, item.document);
      if (item.expiresAt !== null && !Number.isSafeInteger(item.expiresAt))
        throw new ContentError('not a time to expire at');
      return null;
    } catch (error) {
      const reason = refusalOf(error);
      if (reason === null) throw error;
      return { outcome: 'refused', reason };
    }
  }

  async #applySome(items: readonly ApplyItem[], positions: readonly StorePosition[]): Promise<string[]> {
    const { state, due, namespace } = this.#keys;
    const places = positions.flatMap(({ partition, incarnation, n }) => [partition, incarnation, n].map(String));
    const facts = items.flatMap(({ entity, id, version, document, expiresAt }) => [
      `${entity}:${id}`,
      String(version),
      document === null ? '' : JSON.stringify(document),
      document === null || expiresAt === null ? '' : String(expiresAt),
    ]);
    const head = [this.#clock.now(), sweptPerScript, positions.length].map(String);
    return (await this.#connection.run((client) =>
      client.cacheApply(state, due, namespace, ...head, ...places, ...facts),
    )) as string[];
  }

  async #rows(keys: readonly RecordKey[]) {
    const { state, due, namespace } = this.#keys;
    const fields = keys.map(({ entity, id }) => `${entity}:${id}`);
    const answer = await this.#connection.run((client) => client.cacheGet(state, due, namespace, ...fields));
    return rowsOf(answer as (string | null)[]);
  }

  async #page(entity: EntityName, after: string | null, limit: number, bytesMax: number | null): Promise<ScanPage> {
    this.#assertOpen();
    assertLimit(limit);
    if (!cachedEntities.includes(entity)) return { records: [], next: null };
    const { state, due, namespace } = this.#keys;
    const from = after === null ? '-' : `(${after}`;
    const answer = await this.#connection.run(async (client) => {
      if (after === null) await makeWhole({ client, keys: this.#keys });
      return client.cachePage(state, due, namespace, entity, from, limit, bytesMax ?? '');
    });
    const [more, ...cells] = answer as [number, ...(string | null)[]];
    return pageOf(entity, cells, more === 1, { now: this.#clock.now(), withContent: bytesMax !== null });
  }
}
