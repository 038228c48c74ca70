import { setImmediate as nextTurn } from 'node:timers/promises';
import { backoffMs, type Clock, type Logger, type Random } from '@mindora/runtime';
import { GroupSize } from '../group.ts';
import type { ConsumeOptions, Delivery, Subscription } from '../port.ts';

/** What a consumer needs of the bus for its one partition. */
export interface Feed {
  readonly name: string;
  readonly partition: number;
  /** The next batches as one, so many of them at most as the size says for how often the first was delivered. */
  next(size: GroupSize): Delivery | null;
  acknowledge(delivery: Delivery): void;
}

export interface ConsumerTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Hands one batch after the other to a handler, or some that wait together, until stopped. */
export class Consumer implements Subscription {
  readonly #feed: Feed;
  readonly #handler: (delivery: Delivery) => Promise<void>;
  readonly #tools: ConsumerTools;
  readonly #size: GroupSize;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  /** Ends the pause at the head of the log. */
  #rouse: () => void = () => undefined;
  /** Something was published since the last look at the log. */
  #roused = false;
  #attempt = 0;

  constructor(
    feed: Feed,
    handler: (delivery: Delivery) => Promise<void>,
    tools: ConsumerTools,
    { batchesMax }: ConsumeOptions = {},
  ) {
    this.#size = new GroupSize(batchesMax);
    this.#feed = feed;
    this.#handler = handler;
    this.#tools = tools;
    this.#ended = this.#run();
  }

  /** Something was published to the partition. */
  wake(): void {
    this.#roused = true;
    this.#rouse();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#rouse();
    await this.#ended;
  }

  async #run(): Promise<void> {
    // Never within the call of consume, whose caller may not be ready for a delivery yet; and a turn of the event loop
    // for each batch, so that a long backlog doesn't keep timers and other partitions waiting.
    await nextTurn();
    while (!this.#stopping.signal.aborted) {
      const delivered = await this.#step();
      if (!delivered) await this.#published();
      else await nextTurn();
    }
  }

  /** Whether there may be more to do at once. */
  async #step(): Promise<boolean> {
    this.#roused = false;
    try {
      const delivery = this.#feed.next(this.#size);
      if (delivery === null) return false;
      await this.#handler(delivery);
      this.#feed.acknowledge(delivery);
      this.#attempt = 0;
    } catch (error) {
      await this.#pause(error);
    }
    return true;
  }

  #published(): Promise<void> {
    if (this.#roused || this.#stopping.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#rouse = resolve;
    });
  }

  async #pause(error: unknown): Promise<void> {
    const { clock, random, logger } = this.#tools;
    const pauseMs = backoffMs(this.#attempt, random);
    this.#attempt += 1;
    const { name: consumer, partition } = this.#feed;
    logger.warn({ consumer, partition, attempt: this.#attempt, pauseMs, err: error }, 'batch not handled, again later');
    await clock.sleep(pauseMs, this.#stopping.signal);
  }
}
