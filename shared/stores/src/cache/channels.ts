import type { Json } from '@mindora/contracts';
import { type Clock, MindoraError } from '@mindora/runtime';

/** Subscriptions at once; messages that wait for one subscriber, beyond which the oldest are lost. */
const subscriptionsMax = 10_000;
const waitingMax = 1000;
/** A subscriber that doesn't ask for this long is gone. */
const silenceMsMax = 60_000;
/** Longest wait of one poll. */
export const pollMsMax = 30_000;

interface Subscription {
  readonly channel: string;
  readonly waiting: Json[];
  lastPollAt: number;
  /** Ends the poll that waits now. */
  wake: (() => void) | null;
}

/** Messages from publishers to who listens now: lossy, like Redis's. Functions can't cross threads, so one polls. */
export class Channels {
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #clock: Clock;
  #nextId = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The channels that somebody listens to. */
  get listenedTo(): Set<string> {
    return new Set([...this.#subscriptions.values()].map(({ channel }) => channel));
  }

  /** Begins to collect the messages of a channel; the subscription's id. */
  open(channel: string): string {
    this.#dropSilent();
    if (this.#subscriptions.size >= subscriptionsMax) throw new MindoraError('overloaded', 'too many subscriptions');
    const id = String(this.#nextId++);
    this.#subscriptions.set(id, { channel, waiting: [], lastPollAt: this.#clock.now(), wake: null });
    return id;
  }

  publish(channel: string, message: Json): void {
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.channel !== channel) continue;
      subscription.waiting.push(message);
      if (subscription.waiting.length > waitingMax) subscription.waiting.shift();
      subscription.wake?.();
    }
  }

  /**
   * Messages since the last poll; waits for the first one for at most `waitMs`.
   *
   * @throws MindoraError `not_found` where the subscription is gone
   */
  async poll(id: string, waitMs: number): Promise<Json[]> {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) throw new MindoraError('not_found', 'no such subscription');
    subscription.wake?.();
    if (subscription.waiting.length === 0) await this.#arrival(subscription, Math.min(waitMs, pollMsMax));
    subscription.lastPollAt = this.#clock.now();
    return subscription.waiting.splice(0);
  }

  close(id: string): void {
    const subscription = this.#subscriptions.get(id);
    this.#subscriptions.delete(id);
    subscription?.wake?.();
  }

  closeAll(): void {
    for (const id of [...this.#subscriptions.keys()]) this.close(id);
  }

  async #arrival(subscription: Subscription, waitMs: number): Promise<void> {
    const ended = new AbortController();
    subscription.wake = () => ended.abort();
    await this.#clock.sleep(waitMs, ended.signal);
    subscription.wake = null;
  }

  #dropSilent(): void {
    const latest = this.#clock.now() - silenceMsMax;
    for (const [id, { lastPollAt, wake }] of this.#subscriptions) {
      if (wake === null && lastPollAt < latest) this.close(id);
    }
  }
}
