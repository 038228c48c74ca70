import type { Json } from '@mindora/contracts';
import { backoffMs, type Clock, type Random } from '@mindora/runtime';
import { pollMsMax } from './channels.ts';
import type { CacheQueries } from './port.ts';

/** The side of pub/sub that crosses threads: it asks, where {@link CacheQueries.subscribe} is called back. */
export interface CachePolling {
  /** Begins a subscription; its id. */
  openSubscription(channel: string): Promise<string>;
  /** Messages since the last call; waits for the first for at most `waitMs`. */
  poll(subscription: string, waitMs: number): Promise<Json[]>;
  closeSubscription(subscription: string): Promise<void>;
}

/** `subscribe` for whoever can only poll. A cache that was started again is subscribed to again. */
export function subscribeByPolling(
  remote: CachePolling,
  { clock, random }: { clock: Clock; random: Random },
): CacheQueries['subscribe'] {
  return async (channel, listener) => {
    const ended = new AbortController();
    let id = await remote.openSubscription(channel);
    let failures = 0;
    const next = async (): Promise<Json[]> => {
      try {
        if (failures > 0) id = await remote.openSubscription(channel);
        const messages = await remote.poll(id, pollMsMax);
        failures = 0;
        return messages;
      } catch {
        // The cache is away or has forgotten us. Messages may be lost, as they may on any such channel.
        await clock.sleep(backoffMs(failures++, random), ended.signal);
        return [];
      }
    };
    const follow = async (): Promise<void> => {
      while (!ended.signal.aborted) {
        for (const message of await next()) if (!ended.signal.aborted) listener(message);
      }
    };
    const following = follow();
    return async () => {
      ended.abort();
      // A cache that is away has no subscription to end.
      await remote.closeSubscription(id).catch(() => undefined);
      await following;
    };
  };
}
