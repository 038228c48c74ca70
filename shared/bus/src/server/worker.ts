import { backoffMs, type Clock, type Logger, type Random } from '@mindora/runtime';
import type { Delivery, Subscription } from '../port.ts';

/** A batch that a server has handed to this process, and waits for. */
export interface Arrival {
  /** Tells a message of the server's from every other one. */
  readonly key: string;
  /** Which numbering it belongs to, where a server has more than one. */
  readonly log?: string;
  readonly n: number;
  /** How often the server has handed it over, this time included. */
  readonly deliveries: number;
  /** When it was published, milliseconds since 1970; null where the server doesn't tell. */
  readonly at: number | null;
  /** What the handler gets; null for what belongs to a log that is gone, which nobody needs. */
  open(): Promise<Pick<Delivery, 'incarnation' | 'changes'> | null>;
  acknowledge(): void;
  /** Tells the server that it is still being worked on. */
  extend(): void;
}

/** One partition of one consumer, as its server hands it out: one batch at a time. */
export interface Feed {
  readonly consumer: string;
  readonly partition: number;
  /** The next batch; null where there is none yet, or `stop` aborted. @throws MindoraError where the server fails */
  next(stop: AbortSignal): Promise<Arrival | null>;
  /** Takes no further batch, while the last one is still to be acknowledged. Never throws. */
  cease(): Promise<void>;
  /** Lets go of what the server may still have in hand for this feed. Never throws. */
  close(): Promise<void>;
}

export interface WorkerTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const pauseMsFirst = 100;
const pauseMsMax = 5000;
/** Well within the time after which a server gives a batch to somebody else. */
const extendEveryMs = 1500;

/**
 * Hands one batch after the other to a handler. A handler that fails is retried here, in place: nothing is given back
 * to the server (rule 9). A connection that is lost while a batch is handled changes nothing for the handler: the server
 * hands the batch over again, which is then known and acknowledged without a second call.
 */
export class Worker implements Subscription {
  readonly #feed: Feed;
  readonly #handler: (delivery: Delivery) => Promise<void>;
  readonly #tools: WorkerTools;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #inHand: Arrival | null = null;
  #lastDone: Arrival | null = null;
  #attempt = 0;
  /** Counts arrivals and acknowledgements: who looks twice knows whether something moved in between. */
  moves = 0;

  constructor(feed: Feed, handler: (delivery: Delivery) => Promise<void>, tools: WorkerTools) {
    this.#feed = feed;
    this.#handler = handler;
    this.#tools = tools;
    this.#ended = this.#run();
  }

  /** The batch that the handler has, or that waits to be tried again. */
  get inHand(): Arrival | null {
    return this.#inHand;
  }

  /** The last batch that was handled and acknowledged. */
  get lastDone(): Arrival | null {
    return this.#lastDone;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const stop = this.#stopping.signal;
    // Never within the call of consume, whose caller may not be ready for a delivery yet.
    await Promise.resolve();
    while (!stop.aborted) {
      try {
        const arrival = await this.#feed.next(stop);
        if (arrival !== null) await this.#take(arrival);
        this.#attempt = 0;
      } catch (error) {
        await this.#feed.close();
        await this.#pause(error, 'no batches from the bus, again later');
      }
    }
    await this.#feed.close();
  }

  async #take(arrival: Arrival): Promise<void> {
    this.moves++;
    this.#inHand = arrival;
    const cancel = this.#tools.clock.every(extendEveryMs, () => arrival.extend());
    try {
      const isKnown = this.#lastDone?.key === arrival.key;
      if (!isKnown && !(await this.#handle(arrival))) return;
      this.#lastDone = arrival;
      // Before the acknowledgement, which would have the server hand over the next one.
      if (this.#stopping.signal.aborted) await this.#feed.cease();
      arrival.acknowledge();
    } finally {
      cancel();
      this.#inHand = null;
      this.moves++;
    }
  }

  /** Whether the handler is done with it; false where the worker is being stopped before. */
  async #handle(arrival: Arrival): Promise<boolean> {
    const { partition } = this.#feed;
    for (let again = 0; ; again++) {
      try {
        const opened = await arrival.open();
        const deliveries = arrival.deliveries + again;
        if (opened !== null) await this.#handler({ ...opened, partition, n: arrival.n, deliveries });
        return true;
      } catch (error) {
        await this.#pause(error, 'batch not handled, again later');
        if (this.#stopping.signal.aborted) return false;
      }
    }
  }

  async #pause(error: unknown, what: string): Promise<void> {
    const { clock, random, logger } = this.#tools;
    if (this.#stopping.signal.aborted) return;
    const pauseMs = backoffMs(this.#attempt, random, pauseMsFirst, pauseMsMax);
    this.#attempt += 1;
    const { consumer, partition } = this.#feed;
    logger.warn({ consumer, partition, attempt: this.#attempt, pauseMs, err: error }, what);
    await clock.sleep(pauseMs, this.#stopping.signal);
  }
}
