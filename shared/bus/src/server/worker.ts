import { backoffMs, type Clock, type Logger, type Random } from '@mindora/runtime';
import { Group, GroupSize } from '../group.ts';
import type { ConsumeOptions, Delivery, Subscription } from '../port.ts';

/** A batch that a server has handed to this process, and waits for. */
export interface Arrival {
  /** Tells a message of the server's from every other one. */
  readonly key: string;
  /** Which numbering it belongs to, where a server has more than one. */
  readonly log?: string;
  readonly n: number;
  readonly bytes: number;
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

/** A batch that is still to come. */
export type Waiting = Pick<Arrival, 'key' | 'n' | 'bytes' | 'open'>;

/** One partition of one consumer, as its server hands it out: one batch at a time. */
export interface Feed {
  readonly consumer: string;
  readonly partition: number;
  /** The next batch; null where there is none yet, or `stop` aborted. @throws MindoraError where the server fails */
  next(stop: AbortSignal): Promise<Arrival | null>;
  /**
   * Batches that wait behind one, in their order, at most so many. They come by {@link next} all the
   * same, and are acknowledged then. @throws MindoraError where the server fails
   */
  behind(arrival: Arrival, max: number): Promise<readonly Waiting[]>;
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
 * Hands one batch after the other to a handler, or some that wait together. A handler that fails is retried here, in place: nothing is given back
 * to the server (rule 9). A connection that is lost while a batch is handled changes nothing for the handler: the server
 * hands the batch over again, which is then known and acknowledged without a second call. So are those that went
 * together with another one.
 */
export class Worker implements Subscription {
  readonly #feed: Feed;
  readonly #handler: (delivery: Delivery) => Promise<void>;
  readonly #tools: WorkerTools;
  readonly #size: GroupSize;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  /** Keys of the batches that were handled together with the last one, itself included. */
  #handled: ReadonlySet<string> = new Set();
  #inHand: Arrival | null = null;
  #lastDone: Arrival | null = null;
  #attempt = 0;
  /** Counts arrivals and acknowledgements: who looks twice knows whether something moved in between. */
  moves = 0;

  constructor(
    feed: Feed,
    handler: (delivery: Delivery) => Promise<void>,
    tools: WorkerTools,
    { batchesMax }: ConsumeOptions = {},
  ) {
    this.#size = new GroupSize(batchesMax);
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
      const isKnown = this.#handled.has(arrival.key);
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
    for (let again = 0; ; again++) {
      try {
        await this.#handleWith(arrival, arrival.deliveries + again);
        return true;
      } catch (error) {
        await this.#pause(error, 'batch not handled, again later');
        if (this.#stopping.signal.aborted) return false;
      }
    }
  }

  /** Hands a batch over, with those that wait behind it. */
  async #handleWith(arrival: Arrival, deliveries: number): Promise<void> {
    const { partition } = this.#feed;
    const { n: first } = arrival;
    const keys = new Set([arrival.key]);
    const opened = await arrival.open();
    if (opened !== null) {
      const { incarnation } = opened;
      const group = new Group(opened.changes, arrival.bytes);
      let n = first;
      for (const waiting of await this.#behind(arrival, this.#size.next(deliveries) - 1)) {
        const next = waiting.n === n + 1 ? await waiting.open() : null;
        if (next?.incarnation !== incarnation || !group.add(next.changes, waiting.bytes)) break;
        keys.add(waiting.key);
        n = waiting.n;
      }
      await this.#handler({ incarnation, partition, first, n, changes: group.changes, deliveries });
    }
    this.#handled = keys;
  }

  async #behind(arrival: Arrival, max: number): Promise<readonly Waiting[]> {
    return max === 0 ? [] : this.#feed.behind(arrival, max);
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
