import { type Clock, MindoraError } from '@mindora/runtime';
import type { Rate } from './options.ts';

interface Bucket {
  tokens: number;
  at: number;
}

/** Buckets kept at most; the one that was longest unused goes first. */
const bucketsMax = 50_000;

/** Token buckets by key, in memory of this process. */
export interface RateLimiter {
  /** @throws MindoraError `too_many_requests` with `retry_after_s` where the bucket is empty */
  take(key: string): void;
}

export function createRateLimiter(rate: Rate, clock: Clock): RateLimiter {
  const buckets = new Map<string, Bucket>();
  const refilled = (key: string): Bucket => {
    const now = clock.now();
    const bucket = buckets.get(key) ?? { tokens: rate.burst, at: now };
    // A clock set back must not take tokens away.
    const tokens = bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * rate.perSecond;
    return { tokens: Math.min(rate.burst, tokens), at: now };
  };
  const check = (key: string): Bucket => {
    const bucket = refilled(key);
    if (bucket.tokens >= 1) return bucket;
    const retryAfterS = Math.max(1, Math.ceil((1 - bucket.tokens) / rate.perSecond));
    throw new MindoraError('too_many_requests', undefined, { data: { retry_after_s: retryAfterS } });
  };
  return {
    take(key) {
      const bucket = check(key);
      bucket.tokens -= 1;
      buckets.delete(key);
      buckets.set(key, bucket);
      if (buckets.size > bucketsMax) buckets.delete(buckets.keys().next().value ?? key);
    },
  };
}
