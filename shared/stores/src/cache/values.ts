import { isEntityName, type Json, storesOf } from '@mindora/contracts';
import { MindoraError } from '@mindora/runtime';
import { LeastRecentlyUsed } from './lru.ts';
import { isExpired } from './records.ts';

const keyLengthMax = 512;
const countersMax = 100_000;
const sweptPerWriteMax = 100;

interface Timed {
  readonly content: string;
  readonly expiresAt: number;
}

interface Counter {
  count: number;
  readonly endsAt: number;
}

/** Values and counters of the services' own, each with an end. */
export class CacheValues {
  readonly #values: LeastRecentlyUsed<Timed>;
  /** In the order of their first call; one full of running windows gives up the oldest. */
  readonly #counters = new Map<string, Counter>();

  constructor(bytesMax: number) {
    this.#values = new LeastRecentlyUsed(bytesMax);
  }

  read(key: string, now: number): Json | null {
    const value = this.#values.get(key);
    if (value !== undefined && !isExpired(value.expiresAt, now)) return JSON.parse(value.content) as Json;
    const counter = this.#counters.get(key);
    return counter !== undefined && counter.endsAt > now ? counter.count : null;
  }

  write(key: string, value: Json, ttlMs: number, now: number): void {
    assertOwnKey(key);
    assertPositive(ttlMs, 'ttlMs');
    this.#sweepValues(now);
    const content = JSON.stringify(value);
    this.#values.set(key, { content, expiresAt: now + ttlMs }, (key.length + content.length) * 2 + 200);
  }

  remove(key: string, now: number): boolean {
    assertOwnKey(key);
    const there = this.read(key, now) !== null;
    this.#values.delete(key);
    this.#counters.delete(key);
    return there;
  }

  increment(key: string, windowMs: number, now: number): { readonly count: number; readonly endsAt: number } {
    assertOwnKey(key);
    assertPositive(windowMs, 'windowMs');
    const running = this.#counters.get(key);
    if (running !== undefined && running.endsAt > now) {
      running.count += 1;
      return { count: running.count, endsAt: running.endsAt };
    }
    this.#counters.delete(key);
    this.#sweepCounters(now);
    const counter = { count: 1, endsAt: now + windowMs };
    this.#counters.set(key, counter);
    return { ...counter };
  }

  clear(): void {
    this.#values.clear();
    this.#counters.clear();
  }

  #sweepValues(now: number): void {
    let looked = 0;
    for (const [key, { value }] of this.#values.entries()) {
      if (isExpired(value.expiresAt, now)) this.#values.delete(key);
      if (++looked >= sweptPerWriteMax) return;
    }
  }

  #sweepCounters(now: number): void {
    let looked = 0;
    for (const [key, { endsAt }] of this.#counters) {
      if (endsAt <= now || this.#counters.size >= countersMax) this.#counters.delete(key);
      if (++looked >= sweptPerWriteMax) return;
    }
  }
}

/** The record that a key names (`conversation:{id}`), null for keys of a service's own. */
export function recordOfKey(key: string): { entity: 'conversation' | 'analysis'; id: string } | null {
  const colon = key.indexOf(':');
  const name = key.slice(0, Math.max(0, colon));
  if (!isEntityName(name) || !storesOf(name).includes('cache')) return null;
  return { entity: name as 'conversation' | 'analysis', id: key.slice(colon + 1) };
}

/** @throws MindoraError `invalid_request` for keys of records, which sync alone fills, and for keys that are too long */
export function assertOwnKey(key: string): void {
  if (key.length === 0 || key.length > keyLengthMax) {
    throw new MindoraError('invalid_request', `a key has 1 to ${keyLengthMax} characters`);
  }
  if (recordOfKey(key) !== null) throw new MindoraError('invalid_request', 'sync alone fills the keys of records');
}

/** @throws MindoraError `invalid_request` */
export function assertPositive(value: number, name: string): void {
  if (!Number.isFinite(value) || value <= 0) throw new MindoraError('invalid_request', `${name} must be positive`);
}
