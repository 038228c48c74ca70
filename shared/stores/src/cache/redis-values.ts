import type { Json } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';
import type { RedisConnection } from './redis-connection.ts';
import type { RedisKeys } from './redis-keys.ts';
import { assertOwnKey, assertPositive } from './values.ts';

/** Longest life of a value or a window. */
const lifeMsMax = 10 * 365 * 86_400_000;

/**
 * Values and counters of the services' own. They carry their end by our clock, as everything of Mindora goes by it;
 * Redis's own expiry removes them.
 */
export class RedisValues {
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #clock: Clock;

  constructor(connection: RedisConnection, keys: RedisKeys, clock: Clock) {
    this.#connection = connection;
    this.#keys = keys;
    this.#clock = clock;
  }

  read(key: string): Promise<Json | null> {
    return this.#connection.run(async (client) => {
      const value = client.get(this.#keys.value(key));
      const counter = client.hmget(this.#keys.counter(key), 'n', 'ends');
      return held(...(await Promise.all([value, counter])), this.#clock.now());
    });
  }

  async write(key: string, value: Json, ttlMs: number): Promise<void> {
    assertHoldableKey(key);
    assertPositive(ttlMs, 'ttlMs');
    const lifeMs = Math.min(Math.ceil(ttlMs), lifeMsMax);
    const text = `${this.#clock.now() + lifeMs} ${JSON.stringify(value)}`;
    await this.#connection.run((client) => client.set(this.#keys.value(key), text, 'PX', lifeMs));
  }

  remove(key: string): Promise<boolean> {
    assertHoldableKey(key);
    return this.#connection.run(async (client) => {
      const [name, counter] = [this.#keys.value(key), this.#keys.counter(key)];
      const answers = await client.multi().get(name).hmget(counter, 'n', 'ends').unlink(name, counter).exec();
      const [value, counts] = (answers ?? []).map(([error, answer]) => {
        if (error !== null) throw error;
        return answer;
      });
      return held(value as string | null, counts as (string | null)[], this.#clock.now()) !== null;
    });
  }

  async increment(key: string, windowMs: number): Promise<{ readonly count: number; readonly endsAt: number }> {
    assertHoldableKey(key);
    assertPositive(windowMs, 'windowMs');
    const { state, due, namespace } = this.#keys;
    const lifeMs = Math.min(Math.ceil(windowMs), lifeMsMax);
    const now = this.#clock.now();
    const answer = await this.#connection.run((client) =>
      client.cacheCount(state, due, this.#keys.counter(key), namespace, now, now + lifeMs, lifeMs),
    );
    const [count, endsAt] = answer as [number, string];
    return { count, endsAt: Number(endsAt) };
  }
}

/** A value with its end before it, or else a count with its own. */
function held(text: string | null, [count = null, ends = null]: (string | null)[], now: number): Json | null {
  const space = text?.indexOf(' ') ?? -1;
  if (text !== null && Number(text.slice(0, space)) > now) return JSON.parse(text.slice(space + 1)) as Json;
  return Number(ends) > now ? Number(count) : null;
}

/** Bytes that are no Unicode would become others on their way. */
function assertHoldableKey(key: string): void {
  assertOwnKey(key);
  if (!key.isWellFormed()) throw new MindoraError('invalid_request', 'a key must be valid Unicode');
}
